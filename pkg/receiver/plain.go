package receiver

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// Longest texts from outside in one line of output, in bytes.
const (
	maxHeaderText = 1 << 10
	maxWordText   = 256
)

// plain makes a text from outside harmless to a terminal, and keeps it to one
// line: what is neither a graphic character nor a space is written as an
// escape (control characters, those that turn the direction of writing,
// invisible ones), so is what is no UTF-8. Longer than limit, it is cut.
func plain(s string, limit int) string {
	var out strings.Builder
	for s != "" {
		if out.Len() >= limit {
			fmt.Fprintf(&out, "… (%d bytes more)", len(s))
			break
		}
		r, size := utf8.DecodeRuneInString(s)
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&out, `\x%02x`, s[0])
		case unicode.IsPrint(r):
			out.WriteRune(r)
		default:
			writeEscape(&out, r)
		}
		s = s[size:]
	}
	return out.String()
}

// writeEscape writes a character as JSON can: in one or two \u.
func writeEscape(out *strings.Builder, r rune) {
	if high, low := utf16.EncodeRune(r); high != utf8.RuneError {
		fmt.Fprintf(out, `\u%04x\u%04x`, high, low)
		return
	}
	fmt.Fprintf(out, `\u%04x`, r)
}

// plainJSON makes a line of JSON harmless to a terminal, and keeps what it
// says: characters that are not graphic stand in strings only, where an escape
// means the same.
func plainJSON(line []byte) string {
	var out strings.Builder
	out.Grow(len(line))
	for _, r := range string(line) {
		if unicode.IsPrint(r) {
			out.WriteRune(r)
		} else {
			writeEscape(&out, r)
		}
	}
	return out.String()
}
