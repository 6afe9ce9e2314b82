package validate

import (
	"strconv"
	"strings"
)

// ASCII gives the form of a URL that a delivery requests: the scheme in lower
// case, the host in ASCII exactly as it was checked, and what is not ASCII in
// path and query percent-encoded (RFC 3987, section 3.1). net/url parses it,
// and net/http sends it unchanged. It can be longer than MaxURL. The error is
// the *Error that URLPolicy{AllowHTTP: true, AllowPrivate: true}.URL gives.
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

// writeEscaped percent-encodes what no part of a URI may hold as it is
// (RFC 3986, section 2). A "%" is left, so nothing is encoded twice.
func writeEscaped(b *strings.Builder, c byte) {
	const hex = "0123456789ABCDEF"
	if c < 0x7f && strings.IndexByte("\"<>^`{|}", c) < 0 {
		b.WriteByte(c)
		return
	}
	b.Write([]byte{'%', hex[c>>4], hex[c&15]})
}
