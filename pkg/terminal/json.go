package terminal

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

const (
	// MaxShown is how many bytes of a value are shown, after indenting it.
	MaxShown = 1 << 20
	// maxIndent is the depth up to which a value is indented, so that a deeply
	// nested one does not become mostly spaces.
	maxIndent = 32
	// Margin is the space before each line.
	Margin = "  "
)

// Colours paint the parts of a value. All are required.
type Colours struct{ Name, Text, Number, Word func(...any) string }

// Plain paints nothing.
func Plain() Colours { return Colours{fmt.Sprint, fmt.Sprint, fmt.Sprint, fmt.Sprint} }

// WriteJSON writes one JSON value for people: indented after a margin, without
// the last line end. Strings are shown decoded, with escapes for what a terminal
// might obey; numbers are shown as written. It writes nothing and returns false
// if the value is not JSON; names may be there twice. What exceeds [MaxShown]
// ends with the text cut.
func WriteJSON(out *strings.Builder, value []byte, colours Colours, cut string) bool {
	lenient := jsontext.AllowDuplicateNames(true)
	if !jsontext.Value(value).IsValid(lenient) {
		return false
	}
	p := pretty{out: out, colours: colours, end: out.Len() + MaxShown, cut: cut}
	out.WriteString(Margin)
	p.write(jsontext.NewDecoder(bytes.NewReader(value), lenient))
	return true
}

type pretty struct {
	out     *strings.Builder
	colours Colours
	end     int // of out, where it is cut
	cut     string
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
			p.out.WriteString(p.cut)
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
	p.out.WriteString("\n" + Margin + strings.Repeat(Margin, min(depth, maxIndent)))
}

// token returns a token as it is shown.
func (p pretty) token(token jsontext.Token, name bool) string {
	switch token.Kind() {
	case '"':
		quoted := `"` + Cut(strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(token.String()), p.end) + `"`
		if name {
			return p.colours.Name(quoted)
		}
		return p.colours.Text(quoted)
	case '0':
		return p.colours.Number(token.String())
	case 't', 'f', 'n':
		return p.colours.Word(token.String())
	}
	return token.String()
}
