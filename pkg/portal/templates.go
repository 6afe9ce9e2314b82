package portal

import (
	"embed"
	"html/template"
	"io"
	"strings"
	"sync"
)

//go:embed templates/*.html
var templateFiles embed.FS

// What begins the definition of a template, and the use of another.
const (
	definition = `{{define "`
	use        = `{{template "`
)

// definitions are those of all templates, by name. Files consist of definitions.
var definitions = sync.OnceValue(func() map[string]string {
	found := map[string]string{}
	files, err := templateFiles.ReadDir("templates")
	if err != nil {
		panic("portal: templates are not embedded")
	}
	for _, file := range files {
		text, err := templateFiles.ReadFile("templates/" + file.Name())
		if err != nil {
			panic("portal: a template is not embedded")
		}
		for name, text := range quoted(string(text), definition) {
			found[name] = definition + text
		}
	}
	return found
})

// quoted yields for each prefix in a text the name that follows it, up to a
// quotation mark, and the text from there to the next prefix.
func quoted(text, prefix string) func(yield func(name, text string) bool) {
	return func(yield func(name, text string) bool) {
		parts := strings.Split(text, prefix)
		for _, part := range parts[1:] {
			name, _, _ := strings.Cut(part, `"`)
			if !yield(name, part) {
				return
			}
		}
	}
}

// pages has the templates of pages, each parsed when it is first asked for: a
// function starts with one page, and whoever asked for it waits.
type pages struct {
	mu     sync.Mutex
	parsed map[string]*template.Template
}

// plainName is the page that who has no session sees.
const plainName = "plain"

// plainPage is its template, ready to be executed.
var plainPage = sync.OnceValue(func() *template.Template {
	t := parsePage(plainName)
	_ = t.Execute(io.Discard, plainView{}) // which escapes it
	return t
})

// Prepare makes the page that who has no session sees, for which the first
// request would wait otherwise. A program may call it while it starts.
func Prepare() { plainPage() }

// page returns a page's template.
func (p *pages) page(name string) *template.Template {
	if name == plainName {
		return plainPage()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.parsed == nil {
		p.parsed = map[string]*template.Template{}
	}
	if p.parsed[name] == nil {
		p.parsed[name] = parsePage(name)
	}
	return p.parsed[name]
}

// parsePage parses a template and those that it uses.
func parsePage(name string) *template.Template {
	all := template.New("")
	for wanted := []string{name}; len(wanted) > 0; wanted = wanted[1:] {
		if all.Lookup(wanted[0]) != nil {
			continue
		}
		text, ok := definitions()[wanted[0]]
		if !ok {
			panic("portal: there is no template " + wanted[0])
		}
		template.Must(all.Parse(text))
		for used := range quoted(text, use) {
			wanted = append(wanted, used)
		}
	}
	return all.Lookup(name)
}
