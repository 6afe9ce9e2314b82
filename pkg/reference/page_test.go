package reference_test

import (
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/hookline/hookline/internal/test/long"
	"github.com/hookline/hookline/pkg/reference"
)

// A page is for readers: it names nothing of the description's own, and no
// other host than in examples.
func TestPagesAreForReaders(t *testing.T) {
	pages, err := reference.Pages("/docs", "", reference.All())
	if err != nil {
		t.Fatal(err)
	}
	for name, page := range pages {
		text := string(page)
		for _, word := range []string{"components.", "x-strict", "$ref", "&lt;p&gt;", "ZgotmplZ", "<script>", " style="} {
			if strings.Contains(text, word) {
				t.Errorf("the page of %s has %q", name, word)
			}
		}
		for _, loaded := range regexp.MustCompile(`(?:src|href)="([^"]*)"`).FindAllStringSubmatch(text, -1) {
			if !strings.HasPrefix(loaded[1], "/docs") && !strings.HasPrefix(loaded[1], "#") && !strings.HasPrefix(loaded[1], "/openapi/") {
				t.Errorf("the page of %s leads to %s", name, loaded[1])
			}
		}
		for _, field := range regexp.MustCompile(`<(input|textarea|select)[^>]*>`).FindAllString(text, -1) {
			if !strings.Contains(field, `class="language"`) {
				t.Errorf("the page of %s asks for input: %s", name, field)
			}
		}
	}
	if text := string(pages["abbeycross"]); !strings.Contains(text, ">AbbeyCross</a>") || strings.Contains(text, ">Abbeycross</a>") {
		t.Error("AbbeyCross is not spelled so")
	}
}

// The code of each request is of its language.
func TestRequestsParse(t *testing.T) {
	requests, err := reference.Requests(reference.All())
	if err != nil {
		t.Fatal(err)
	}
	if len(requests) < 19 {
		t.Fatalf("%d requests", len(requests))
	}
	dir := t.TempDir()
	files := map[string][]string{}
	for id, list := range requests {
		for _, sample := range list {
			if !strings.Contains(sample.Text, reference.Origin+"/") {
				t.Errorf("%s in %s has no address: %s", id, sample.Title, sample.Text)
			}
			path := filepath.Join(dir, id+"."+sample.Ending)
			files[sample.Name] = append(files[sample.Name], path)
			if err := os.WriteFile(path, []byte(sample.Text), 0o600); err != nil {
				t.Fatal(err)
			}
			if sample.Name == "go" {
				if _, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.AllErrors); err != nil {
					t.Errorf("%s: %v\n%s", id, err, sample.Text)
				}
			}
		}
	}
	for language, command := range map[string][]string{
		"shell": {"sh", "-c", `for f; do sh -n "$f" || exit 1; done`, "sh"},
		"node": {"node", "--experimental-vm-modules", "--no-warnings", "-e", `const vm = require("node:vm"), fs = require("node:fs");
for (const f of process.argv.slice(1)) new vm.SourceTextModule(fs.readFileSync(f, "utf8"), { identifier: f });`},
		"python": {"python3", "-c", "import ast, sys\nfor f in sys.argv[1:]: ast.parse(open(f).read(), f)"},
		"php":    {"sh", "-c", `for f; do php -l "$f" || exit 1; done`, "sh"},
	} {
		if long.Pick(language == "node" || language == "php", false) {
			continue
		}
		if said, err := exec.CommandContext(t.Context(), command[0], append(command[1:], files[language]...)...).CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", language, err, said)
		}
	}
}

func TestPagesRefuse(t *testing.T) {
	for _, text := range []string{"a: [", "openapi: 3.1.0\nsecurity: [{a: []}]\npaths: {/a: {get: {tags: [none]}}}"} {
		if _, err := reference.Pages("/docs", "", []reference.Description{{Name: "a", Text: text}}); err == nil {
			t.Errorf("%q is rendered", text)
		}
	}
}
