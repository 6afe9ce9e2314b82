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
