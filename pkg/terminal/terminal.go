// Package terminal makes text that others wrote harmless to a terminal. It
// replaces each character that a terminal obeys or does not show by an escape
// that JSON understands: control characters, C1 included, characters that
// change the direction of writing, and invisible ones. So a line of JSON keeps
// its meaning.
//
// It is the only place that escapes. What is shown goes through a [Writer];
// values that are put together to lines or tables go through [Escape] before,
// so that a line end in a value begins no line.
package terminal

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// Escape returns text on one line that a terminal shows and does not obey. The
// escapes are those of JSON strings, and \x and two digits for each byte that
// is not UTF-8.
func Escape(text string) string {
	if strings.IndexFunc(text, hidden) < 0 && utf8.ValidString(text) {
		return text
	}
	return Cut(text, len(text)*maxEscape)
}

// maxEscape is the size of the longest escape, of a one-byte character.
const maxEscape = len(`\u0000`)

// Cut is [Escape] for text of any length: of what has more than limit bytes it
// shows the beginning, and how much more there is.
func Cut(text string, limit int) string {
	var out strings.Builder
	for text != "" {
		if out.Len() >= limit {
			fmt.Fprintf(&out, "… (%d bytes more)", len(text))
			break
		}
		r, size := utf8.DecodeRuneInString(text)
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&out, `\x%02x`, text[0])
		case hidden(r):
			writeEscape(&out, r)
		default:
			out.WriteRune(r)
		}
		text = text[size:]
	}
	return out.String()
}

// hidden reports whether a terminal might obey a character or not show it.
// Unicode's default ignorable characters are letters and marks, among others.
func hidden(r rune) bool {
	if r < utf8.RuneSelf {
		return r < ' ' || r == 0x7f
	}
	return !unicode.IsPrint(r) || unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}

// writeEscape writes a character as JSON escapes it.
func writeEscape(out *strings.Builder, r rune) {
	switch high, low := utf16.EncodeRune(r); {
	case r == '\n':
		out.WriteString(`\n`)
	case r == '\r':
		out.WriteString(`\r`)
	case r == '\t':
		out.WriteString(`\t`)
	case high != utf8.RuneError:
		fmt.Fprintf(out, `\u%04x\u%04x`, high, low)
	default:
		fmt.Fprintf(out, `\u%04x`, r)
	}
}

// Writer escapes what is written to it, except line ends. Each Write is taken
// for whole characters.
type Writer struct{ out io.Writer }

// NewWriter returns a writer that writes to out.
func NewWriter(out io.Writer) Writer { return Writer{out} }

// Write writes p in one Write. The error is that of the writer below.
func (w Writer) Write(p []byte) (int, error) {
	if bytes.IndexFunc(p, func(r rune) bool { return r != '\n' && hidden(r) }) < 0 && utf8.Valid(p) {
		return w.out.Write(p)
	}
	var text strings.Builder
	for line := range strings.Lines(string(p)) {
		line, ended := strings.CutSuffix(line, "\n")
		text.WriteString(Escape(line))
		if ended {
			text.WriteString("\n")
		}
	}
	if _, err := io.WriteString(w.out, text.String()); err != nil {
		return 0, err
	}
	return len(p), nil
}
