package reference

import (
	"html/template"
	"strings"

	"github.com/alecthomas/chroma/v2"
	"github.com/alecthomas/chroma/v2/formatters/html"
	"github.com/alecthomas/chroma/v2/lexers"
	"github.com/alecthomas/chroma/v2/styles"
	"github.com/yuin/goldmark"
)

// highlight marks the words of code by class. The style sheet has the colours.
func highlight(language, code string) template.HTML {
	lexer := lexers.Get(language)
	if lexer == nil {
		return template.HTML(template.HTMLEscapeString(code)) //nolint:gosec // escaped
	}
	var out strings.Builder
	tokens, err := chroma.Coalesce(lexer).Tokenise(nil, code)
	if err == nil {
		err = html.New(html.WithClasses(true), html.PreventSurroundingPre(true)).Format(&out, styles.Fallback, tokens)
	}
	if err != nil {
		return template.HTML(template.HTMLEscapeString(code)) //nolint:gosec // escaped
	}
	return template.HTML(out.String()) //nolint:gosec // chroma escapes the code
}

// markdown renders the text of a description.
func markdown(text string) template.HTML {
	var out strings.Builder
	if err := goldmark.Convert([]byte(text), &out); err != nil {
		return template.HTML(template.HTMLEscapeString(text)) //nolint:gosec // escaped
	}
	return template.HTML(out.String()) //nolint:gosec // goldmark leaves out HTML in the text
}
