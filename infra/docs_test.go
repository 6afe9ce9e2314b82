package infra_test

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// allPages gives the documents of the repository by their paths.
func allPages(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, pattern := range []string{"*.md", "infra/*.md", "docs/*.md", "docs/*/*.md"} {
		names, err := fs.Glob(os.DirFS(root), pattern)
		if err != nil {
			t.Fatal(err)
		}
		if len(names) == 0 {
			t.Fatalf("no page is named %s", pattern)
		}
		for _, name := range names {
			found[name] = readFile(t, name)
		}
	}
	return found
}

// readFile gives a file of the repository.
func readFile(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// headings gives the headings of a page, without their marks.
func headings(page string) []string {
	page = regexp.MustCompile("(?s)```.*?```").ReplaceAllString(page, "")
	var found []string
	for _, line := range regexp.MustCompile(`(?m)^#+ (.+)$`).FindAllStringSubmatch(page, -1) {
		found = append(found, line[1])
	}
	return found
}

// anchor gives what the hosting platform makes of a heading.
func anchor(heading string) string {
	text := regexp.MustCompile(`[^\p{L}\p{N}_ -]`).ReplaceAllString(strings.ToLower(heading), "")
	return strings.ReplaceAll(text, " ", "-")
}

// Every link within the repository leads to a file that is there, and to one
// of its headings.
func TestLinks(t *testing.T) {
	all := allPages(t)
	for name, page := range all {
		page = regexp.MustCompile("(?s)```.*?```").ReplaceAllString(page, "")
		for _, link := range regexp.MustCompile(`\]\(([^)\s]+)\)`).FindAllStringSubmatch(page, -1) {
			target, fragment, _ := strings.Cut(link[1], "#")
			if strings.Contains(target, "://") {
				continue
			}
			to := name
			if target != "" {
				to = path.Join(path.Dir(name), target)
			}
			if _, err := os.Stat(filepath.Join(root, filepath.FromSlash(to))); err != nil {
				t.Errorf("%s links to %s, which is not there", name, link[1])
				continue
			}
			has := func(heading string) bool { return anchor(heading) == fragment }
			if fragment != "" && !slices.ContainsFunc(headings(all[to]), has) {
				t.Errorf("%s links to %s, which is no heading", name, link[1])
			}
		}
	}
}

// Every clause of a contract that the code cites is there: its page, its
// heading, and its number if it has one.
func TestCitations(t *testing.T) {
	cited := regexp.MustCompile(`(docs/contracts/[a-z]+\.md|docs/contracts/README\.md)(?:,\s+(?://\s+)?([^):.]+?)(?: (\d+))?[):])?`)
	found := 0
	err := fs.WalkDir(os.DirFS(root), ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && name != "." && strings.HasPrefix(entry.Name(), "."):
			return fs.SkipDir
		case path.Ext(name) != ".go" || name == "infra/docs_test.go":
			return nil
		}
		for _, c := range cited.FindAllStringSubmatch(readFile(t, name), -1) {
			found++
			checkCitation(t, name, c[1], c[2], c[3])
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if found == 0 {
		t.Error("the code cites no contract")
	}
}

func checkCitation(t *testing.T, by, name, heading, number string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
	if err != nil {
		t.Errorf("%s cites %s, which is not there", by, name)
		return
	}
	if heading == "" {
		return
	}
	if !slices.Contains(headings(string(text)), heading) {
		t.Errorf("%s cites %s, %s, which is no heading", by, name, heading)
		return
	}
	_, section, _ := strings.Cut(string(text), "# "+heading+"\n")
	section, _, _ = strings.Cut(section, "\n#")
	if number != "" && !strings.Contains("\n"+section, "\n"+number+". ") {
		t.Errorf("%s cites %s, %s %s, which is no clause", by, name, heading, number)
	}
}

// Every test that the page of guarantees names is there.
func TestGuaranteesAreTested(t *testing.T) {
	rows := 0
	for line := range strings.Lines(readFile(t, "docs/guarantees.md")) {
		columns := strings.Split(line, "|")
		if len(columns) < 4 || !strings.HasPrefix(strings.TrimSpace(columns[1]), "**") {
			continue
		}
		rows++
		for part := range strings.SplitSeq(columns[2], ";") {
			folder := regexp.MustCompile("`([a-z/]+)`([^`]*)").FindStringSubmatch(part)
			if folder == nil {
				continue
			}
			for _, name := range regexp.MustCompile(`\b[A-Z][A-Za-z0-9]+`).FindAllString(folder[2], -1) {
				if !hasTest(t, folder[1], name) {
					t.Errorf("%s has no test whose name begins with Test%s", folder[1], name)
				}
			}
		}
	}
	if rows == 0 {
		t.Error("the page has no guarantees")
	}
}

// hasTest reports whether a package has a test whose name begins so.
func hasTest(t *testing.T, folder, name string) bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, filepath.FromSlash(folder), "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	return slices.ContainsFunc(files, func(file string) bool {
		text, err := os.ReadFile(file)
		return err == nil && strings.Contains(string(text), "\nfunc Test"+name)
	})
}
