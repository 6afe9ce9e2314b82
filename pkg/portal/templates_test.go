package portal

import (
	"strings"
	"testing"
)

// TestTemplates: files of templates consist of definitions, and each parses with
// those that it uses.
func TestTemplates(t *testing.T) {
	files, err := templateFiles.ReadDir("templates")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := templateFiles.ReadFile("templates/" + file.Name())
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(string(text), definition) {
			t.Errorf("%s does not begin with a definition", file.Name())
		}
	}
	if len(definitions()) < 20 {
		t.Errorf("%d definitions", len(definitions()))
	}
	for name, text := range definitions() {
		if page := parsePage(name); page == nil || page.Name() != name {
			t.Errorf("%s is parsed as %v", name, page)
		}
		if strings.Count(text, definition) != 1 {
			t.Errorf("%s is %s", name, text)
		}
	}
}
