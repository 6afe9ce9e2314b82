package receiver

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// Maximum lengths, in bytes, of received texts in one line of output.
const (
	maxHeaderText = 1 << 10
	maxWordText   = 256
)

// plain makes a received text harmless to a terminal and keeps it on one line.
// It escapes invalid UTF-8 and all characters that are neither graphic nor a
// space, such as control characters, invisible ones, and those that change the
// direction of writing. It cuts the text at limit.
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

// writeEscape writes a character as JSON escapes it: as one or two \u.
func writeEscape(out *strings.Builder, r rune) {
	if high, low := utf16.EncodeRune(r); high != utf8.RuneError {
		fmt.Fprintf(out, `\u%04x\u%04x`, high, low)
		return
	}
	fmt.Fprintf(out, `\u%04x`, r)
}

// plainJSON makes a line of JSON harmless to a terminal without changing its
// meaning: characters that are not graphic occur only in strings, where an
// escape means the same.
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
