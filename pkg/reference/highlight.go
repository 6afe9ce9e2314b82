package reference

import (
	"html"
	"html/template"
	"regexp"
	"strings"

	"github.com/yuin/goldmark"
)

// tokens finds what is marked in code, by class: comments, names before a colon
// or a parenthesis, strings, keywords and numbers. It knows what the code of the
// pages is made of, in all of their languages at once; a library that knows any
// code takes longer to start than everything else here.
var tokens = regexp.MustCompile(`(?m)(?:^|\s)(?P<c>(?:#|//) .*)` +
	`|(?P<n>"[^"\n]*")\s*:` +
	`|(?P<s>"""(?:.|\n)*?"""|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|` + "`[^`]*`" + `)` +
	`|\\.` + // in a shell, no quote
	`|\b(?P<k>and|any|as|async|await|bool|break|byte|bytes|case|const|def|dict|do|done|echo|else|esac|export|false|False|fi|for|foreach|from|func|function|` +
	`if|import|in|int|new|nil|None|not|null|or|package|range|return|str|string|then|true|True|var)\b` +
	`|\b(?P<n>[A-Za-z_]\w*)\(` +
	`|\b(?P<m>\d[\d.]*)\b`)

// highlight marks the words of code. The style sheet has the colours.
func highlight(code string) template.HTML {
	var out strings.Builder
	done := 0
	for _, match := range tokens.FindAllStringSubmatchIndex(code, -1) {
		for i, class := range tokens.SubexpNames() {
			if from, to := match[2*i], match[2*i+1]; class != "" && from >= 0 {
				out.WriteString(html.EscapeString(code[done:from]) + `<span class="` + class + `">` + html.EscapeString(code[from:to]) + `</span>`)
				done = to
			}
		}
	}
	out.WriteString(html.EscapeString(code[done:]))
	return template.HTML(out.String()) //nolint:gosec // escaped
}

// markdown renders the text of a description.
func markdown(text string) template.HTML {
	var out strings.Builder
	if err := goldmark.Convert([]byte(text), &out); err != nil {
		return template.HTML(template.HTMLEscapeString(text)) //nolint:gosec // escaped
	}
	return template.HTML(out.String()) //nolint:gosec // goldmark leaves out HTML in the text
}
