package reference

import (
	"embed"
	"html/template"
	"strings"
	texttemplate "text/template"

	"github.com/hookline/hookline/pkg/signing/samples"
)

// Origin stands for the server's own in code. The page's script replaces it.
const Origin = "https://hookline.example"

// Sample is code in one language. Code has its words marked.
type Sample struct {
	samples.Sample
	Code template.HTML
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

//go:embed request
var requestFiles embed.FS

// samples are the code of the request in each language.
func (r request) samples() ([]Sample, error) {
	all, err := texttemplate.New("").Funcs(texttemplate.FuncMap{
		"shell": func(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" },
	}).ParseFS(requestFiles, "request/*")
	if err != nil {
		return nil, err
	}
	var list []samples.Sample
	for _, l := range samples.Languages() {
		var text strings.Builder
		if err := all.ExecuteTemplate(&text, "request."+l.Ending+".tmpl", r); err != nil {
			return nil, err
		}
		list = append(list, samples.Sample{Language: l, Text: text.String()})
	}
	return highlighted(list), nil
}

// highlighted marks the words of code.
func highlighted(list []samples.Sample) []Sample {
	var marked []Sample
	for _, s := range list {
		marked = append(marked, Sample{s, highlight(s.Text)})
	}
	return marked
}
