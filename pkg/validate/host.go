package validate

import (
	"net/netip"
	"net/url"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// host is what a URL points to: an address or a name, never both.
type host struct {
	addr netip.Addr
	// name is in ASCII and lower case, without the trailing dot.
	name string
	// rooted is set when the name was written with a trailing dot.
	rooted bool
}

// Limits of DNS (RFC 1035, section 2.3.4), in octets.
const (
	maxName  = 253
	maxLabel = 63
)

// maxMapped is the longest name in bytes that is mapped at all. A name that
// fits DNS afterwards is shorter by far; encoding longer ones would cost time
// that grows with the square of their length.
const maxMapped = 1024

// mapping is UTS 46 as browsers apply it (WHATWG URL, "domain to ASCII"):
// not transitional, underscores and hyphens left alone.
var mapping = idna.New(
	idna.MapForLookup(),
	idna.BidiRule(),
	idna.CheckHyphens(false),
	idna.StrictDomainName(false),
)

// parseName checks a host without brackets: percent-decoded, mapped to ASCII
// and lower case, one trailing dot dropped; then it is a name of letters,
// digits, hyphens and underscores, or an IPv4 address.
func parseName(raw string) (host, Reason) {
	if raw == "" {
		return host{}, NoHost
	}
	name, reason := toASCII(raw)
	if reason != 0 {
		return host{}, reason
	}
	name, rooted := strings.CutSuffix(name, ".")
	if name == "" {
		return host{}, NoHost
	}
	last, ok := lastLabel(name)
	switch {
	case !ok:
		return host{}, BadHost
	case !isNumber(last):
		return host{name: name, rooted: rooted}, 0
	}
	addr, err := netip.ParseAddr(name)
	if err != nil {
		return host{}, NumericHost
	}
	return host{addr: addr}, 0
}

// toASCII decodes and maps a host. Only names that need it go through IDNA;
// names with an ACE prefix do, so that what they encode is checked.
func toASCII(raw string) (string, Reason) {
	name := raw
	if strings.Contains(name, "%") {
		decoded, err := url.PathUnescape(name)
		if err != nil || !utf8.ValidString(decoded) {
			return "", BadEncoding
		}
		name = decoded
	}
	if len(name) > maxMapped {
		return "", BadHost
	}
	lower := strings.ToLower(name)
	if isASCII(name) && !strings.Contains(lower, "xn--") {
		return lower, 0
	}
	mapped, err := mapping.ToASCII(name)
	if err != nil {
		return "", BadHost
	}
	return mapped, 0
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// lastLabel gives the last label of a name, or false when the name is none
// that DNS could hold.
func lastLabel(name string) (string, bool) {
	if len(name) > maxName {
		return "", false
	}
	start := 0
	for i := range len(name) {
		switch c := name[i]; {
		case c == '.':
			if i == start || i-start > maxLabel {
				return "", false
			}
			start = i + 1
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9', c == '-', c == '_':
		default:
			return "", false
		}
	}
	last := name[start:]
	return last, last != "" && len(last) <= maxLabel
}

// isNumber reports whether a last label makes URL parsers and resolvers read
// the whole host as an IPv4 address (WHATWG URL, "ends in a number"): decimal
// digits, or 0x and hexadecimal digits, even none.
func isNumber(label string) bool {
	if hex, ok := strings.CutPrefix(label, "0x"); ok {
		return strings.Trim(hex, "0123456789abcdef") == ""
	}
	return strings.Trim(label, "0123456789") == ""
}
