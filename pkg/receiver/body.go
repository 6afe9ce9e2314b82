package receiver

import (
	"bytes"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

const (
	// maxShown is how many bytes of a body are shown, after indenting it.
	maxShown = 1 << 20
	// maxIndent is the depth up to which a body is indented, so that a deeply
	// nested one does not become mostly spaces.
	maxIndent = 32
	indent    = "  "
)

// showBody writes a body: JSON indented, other text line by line.
func showBody(out *strings.Builder, body []byte, colours palette) {
	lenient := []jsontext.Options{jsontext.AllowDuplicateNames(true)}
	switch {
	case len(body) == 0:
		out.WriteString(indent + colours.quiet("(no body)") + "\n")
	case jsontext.Value(body).IsValid(lenient...):
		p := pretty{out: out, colours: colours, end: out.Len() + maxShown}
		out.WriteString(indent)
		p.write(jsontext.NewDecoder(bytes.NewReader(body), lenient...))
		out.WriteString("\n")
	default:
		showText(out, string(body), colours)
	}
}

// showText writes a body that is not JSON.
func showText(out *strings.Builder, body string, colours palette) {
	end := out.Len() + maxShown
	for line := range strings.Lines(body) {
		if out.Len() >= end {
			out.WriteString(indent + cutShort(colours) + "\n")
			return
		}
		line = strings.ReplaceAll(strings.TrimRight(line, "\r\n"), "\t", "    ")
		out.WriteString(indent + plain(line, end-out.Len()) + "\n")
	}
}

func cutShort(colours palette) string {
	return colours.quiet("… (cut here; --json shows it whole)")
}

// pretty writes JSON for people. Strings are shown decoded, with escapes for
// characters that a terminal might obey; numbers are shown as written.
type pretty struct {
	out     *strings.Builder
	colours palette
	end     int // of out, where it is cut
}

// write copies one valid value.
func (p pretty) write(from *jsontext.Decoder) {
	for {
		depth := from.StackDepth()
		parent, count := from.StackIndex(depth) // names count too
		token, err := from.ReadToken()
		if err != nil { // the end
			return
		}
		if p.out.Len() >= p.end {
			p.newLine(0)
			p.out.WriteString(cutShort(p.colours))
			return
		}
		switch kind := token.Kind(); {
		case kind == '}' || kind == ']':
			if count > 0 {
				p.newLine(depth - 1)
			}
		case depth == 0:
		case parent == '{' && count%2 == 1:
			p.out.WriteString(": ")
		default:
			if count > 0 {
				p.out.WriteString(",")
			}
			p.newLine(depth)
		}
		p.out.WriteString(p.token(token, parent == '{' && count%2 == 0))
	}
}

func (p pretty) newLine(depth int) {
	p.out.WriteString("\n" + indent + strings.Repeat(indent, min(depth, maxIndent)))
}

// token returns a token as it is shown.
func (p pretty) token(token jsontext.Token, name bool) string {
	switch token.Kind() {
	case '"':
		escaped := strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "\t", `\t`, "\r", `\r`).Replace(token.String())
		quoted := `"` + plain(escaped, p.end) + `"`
		if name {
			return p.colours.name(quoted)
		}
		return p.colours.text(quoted)
	case '0':
		return p.colours.number(token.String())
	case 't', 'f', 'n':
		return p.colours.word(token.String())
	}
	return token.String()
}
