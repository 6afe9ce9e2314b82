package validate

import (
	"strconv"
	"strings"
)

// ASCII returns the form of a URL that a delivery requests: the scheme in lower
// case, the host in ASCII as it was validated, and non-ASCII characters in path
// and query percent-encoded (RFC 3987, section 3.1). net/url parses it, and
// net/http sends it unchanged. It may be longer than MaxURL. The error is the
// [*Error] that URLPolicy{AllowHTTP: true, AllowPrivate: true}.URL returns.
func ASCII(raw string) (string, error) {
	t, reason := parse(raw)
	if reason != 0 {
		return "", URLPolicy{AllowHTTP: true}.newError(reason)
	}
	var b strings.Builder
	b.Grow(len(raw))
	b.WriteString("http")
	if t.secure {
		b.WriteByte('s')
	}
	b.WriteString("://")
	switch {
	case t.addr.Is4():
		b.WriteString(t.addr.String())
	case t.addr.IsValid():
		b.WriteString("[" + t.addr.String() + "]")
	default:
		b.WriteString(t.name)
	}
	if t.rooted {
		b.WriteByte('.')
	}
	if t.port != 0 {
		b.WriteString(":" + strconv.Itoa(int(t.port)))
	}
	for i := range len(t.rest) {
		writeEscaped(&b, t.rest[i])
	}
	return b.String(), nil
}

// writeEscaped percent-encodes characters that no part of a URI may contain
// (RFC 3986, section 2). It keeps "%", so nothing is encoded twice.
func writeEscaped(b *strings.Builder, c byte) {
	const hex = "0123456789ABCDEF"
	if c < 0x7f && strings.IndexByte("\"<>^`{|}", c) < 0 {
		b.WriteByte(c)
		return
	}
	b.Write([]byte{'%', hex[c>>4], hex[c&15]})
}
