package reference

import (
	"embed"
	"html/template"
	"strings"
	texttemplate "text/template"
)

// Origin stands for the server's own in code. The page's script replaces it.
const Origin = "https://hookline.example"

// Sample is code in one language.
type Sample struct {
	Language string // also its class
	Title    string
	Code     template.HTML
	Text     string // the code itself
}

// language is one in which there are samples.
type language struct{ Name, Title, lexer, suffix string }

// languages are all, in the order in which they are shown.
func languages() []language {
	return []language{
		{"curl", "curl", "bash", "sh"},
		{"node", "Node", "javascript", "mjs"},
		{"python", "Python", "python", "py"},
		{"go", "Go", "go", "go"},
		{"php", "PHP", "php", "php"},
	}
}

// request is what the templates of a request get.
type request struct {
	Method, URL string
	// Header and Prefix make the header with the token, as "Authorization" and
	// "Bearer ".
	Header, Prefix string
	Body           node
}

// JSON and Python write the body as a literal.
func (r request) JSON(indent int) string {
	return r.Body.literal(jsonWords(), strings.Repeat(" ", indent))
}

func (r request) Python(indent int) string {
	return r.Body.literal(pythonWords(), strings.Repeat(" ", indent))
}

// HasBody reports whether there is a body to send.
func (r request) HasBody() bool { return r.Body.exists() }

// Lower is the method in lower case.
func (r request) Lower() string { return strings.ToLower(r.Method) }

//go:embed request verify
var codeFiles embed.FS

// samples executes the templates of a directory, one for each language.
func samples(dir string, data any) ([]Sample, error) {
	var list []Sample
	for _, l := range languages() {
		name := dir + "." + l.suffix + ".tmpl"
		folder, _, _ := strings.Cut(dir, "/")
		t, err := texttemplate.New(strings.TrimPrefix(name, folder+"/")).Funcs(texttemplate.FuncMap{
			"shell": func(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" },
		}).ParseFS(codeFiles, name)
		if err != nil {
			return nil, err
		}
		var text strings.Builder
		if err := t.Execute(&text, data); err != nil {
			return nil, err
		}
		list = append(list, Sample{l.Name, l.Title, highlight(l.lexer, text.String()), text.String()})
	}
	return list, nil
}
