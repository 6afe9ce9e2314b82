package validate

import (
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// URLPolicy is the operator's setting and an API's own rule for URLs. The zero
// value allows only https and public targets, but any port.
type URLPolicy struct {
	// AllowHTTP accepts http as well as https.
	AllowHTTP bool
	// AllowPrivate accepts private targets and any port. It is a setting for
	// development.
	AllowPrivate bool
	// AllowNetworks are networks whose addresses are accepted though they are
	// not public, on the ports that Ports allows.
	AllowNetworks Networks
	// Ports are the allowed ports, including the scheme's default port. If nil,
	// any port is allowed. AllowPrivate overrides it.
	Ports []uint16
}

// URL checks a URL as the customer sent it, after decoding the JSON. It returns
// nil or an [*Error]. It first checks the string itself, in the same way under
// every policy, then the policy: scheme, port, address
// (docs/contracts/README.md, URLs).
func (p URLPolicy) URL(raw string) error {
	t, reason := parse(raw)
	if reason == 0 {
		reason = p.check(t)
	}
	if reason == 0 {
		return nil
	}
	return p.newError(reason)
}

// check applies the policy to a well-formed URL.
func (p URLPolicy) check(t parsedURL) Reason {
	switch {
	case !t.secure && !p.AllowHTTP:
		return PlainHTTP
	case p.AllowPrivate:
		return 0
	case p.Ports != nil && !slices.Contains(p.Ports, t.effectivePort()):
		return PortNotAllowed
	case t.addr.IsValid() && !p.AllowNetworks.Allow(t.addr):
		return PrivateAddress
	case t.name == "localhost" || strings.HasSuffix(t.name, ".localhost"):
		return PrivateAddress
	}
	return 0
}

// newError returns the error for a reason. Some texts depend on the policy.
func (p URLPolicy) newError(reason Reason) *Error {
	switch {
	case reason == OtherScheme && !p.AllowHTTP:
		return &Error{Reason: reason, text: PlainHTTP.String()}
	case reason == PortNotAllowed && len(p.Ports) == 1:
		return &Error{Reason: reason, text: "must use port " + strconv.Itoa(int(p.Ports[0]))}
	case reason == PortNotAllowed && len(p.Ports) > 1:
		ports := make([]string, len(p.Ports))
		for i, port := range p.Ports {
			ports[i] = strconv.Itoa(int(port))
		}
		return &Error{Reason: reason, text: "must use one of the ports " + strings.Join(ports, ", ")}
	}
	return &Error{Reason: reason}
}

// parsedURL has the parts of a well-formed URL.
type parsedURL struct {
	secure bool
	host
	port uint16 // 0 if not written
	// rest is path and query as sent.
	rest string
}

func (t parsedURL) effectivePort() uint16 {
	switch {
	case t.port != 0:
		return t.port
	case t.secure:
		return 443
	default:
		return 80
	}
}

// parse parses a URL, or says what is wrong with it under any policy. net/url
// is too lenient for this (it accepts "https:example.com", and decodes before
// it checks) and in one point too strict (it rejects percent-encoded ASCII in a
// host, which the contract decodes before it checks).
func parse(raw string) (parsedURL, Reason) {
	if reason := checkCharacters(raw); reason != 0 {
		return parsedURL{}, reason
	}
	secure, rest, reason := cutScheme(raw)
	if reason != 0 {
		return parsedURL{}, reason
	}
	authority := rest
	if i := strings.IndexAny(rest, "/?"); i >= 0 {
		authority, rest = rest[:i], rest[i:]
	} else {
		rest = ""
	}
	h, port, reason := parseAuthority(authority)
	if reason != 0 {
		return parsedURL{}, reason
	}
	path, _, _ := strings.Cut(rest, "?")
	if _, err := url.PathUnescape(path); err != nil {
		return parsedURL{}, BadEncoding
	}
	return parsedURL{secure: secure, host: h, port: port, rest: rest}, 0
}

// checkCharacters rejects characters that no part of a URL may contain.
func checkCharacters(raw string) Reason {
	// Bytes bound code points: this avoids counting those of a huge string.
	if len(raw) > MaxURL*utf8.UTFMax || utf8.RuneCountInString(raw) > MaxURL {
		return TooLong
	}
	if !utf8.ValidString(raw) {
		return NotUTF8
	}
	for _, c := range raw {
		switch {
		case c == '\\':
			return Backslash
		case c == '#':
			return Fragment
		case c > ' ' && c < 0x7f:
		case unicode.IsSpace(c) || isZeroWidthSpace(c):
			return WhiteSpace
		case unicode.IsControl(c) || unicode.Is(unicode.Bidi_Control, c):
			return ControlCharacter
		}
	}
	return 0
}

// isZeroWidthSpace reports whether c is a space that Unicode no longer counts
// as white space. Zero-width joiners are excluded: words are spelled with them.
func isZeroWidthSpace(c rune) bool {
	return c == '\u200b' || c == '\u2060' || c == '\ufeff'
}

// cutScheme cuts off "http://" or "https://" in any letter case.
func cutScheme(raw string) (secure bool, rest string, reason Reason) {
	scheme, rest, found := strings.Cut(raw, ":")
	if !found || !isScheme(scheme) {
		return false, "", NotAbsolute
	}
	secure = strings.EqualFold(scheme, "https")
	if !secure && !strings.EqualFold(scheme, "http") {
		return false, "", OtherScheme
	}
	rest, found = strings.CutPrefix(rest, "//")
	if !found {
		return false, "", NotAbsolute
	}
	return secure, rest, 0
}

// isScheme follows RFC 3986, section 3.1. It accepts only ASCII, so that
// EqualFold cannot take "httpſ" for https.
func isScheme(s string) bool {
	for i := range len(s) {
		if lower := s[i] | 0x20; 'a' <= lower && lower <= 'z' {
			continue
		}
		if i == 0 || !strings.Contains("0123456789+-.", s[i:i+1]) {
			return false
		}
	}
	return s != ""
}

// parseAuthority splits "host:port" and checks both. The port is 0 if there is
// none or nothing follows the colon. Leading zeros of a port are accepted, as
// by RFC 3986, section 3.2.3, and by browsers: all read ":0443" as 443.
func parseAuthority(authority string) (h host, port uint16, reason Reason) {
	if strings.Contains(authority, "@") {
		return host{}, 0, UserInfo
	}
	var digits string
	if literal, bracketed := strings.CutPrefix(authority, "["); bracketed {
		address, after, closed := strings.Cut(literal, "]")
		digits, _ = strings.CutPrefix(after, ":")
		if !closed || (after != "" && after[0] != ':') {
			return host{}, 0, BadHost
		}
		h, reason = parseIPv6(address)
	} else {
		name := authority
		if i := strings.LastIndexByte(authority, ':'); i >= 0 {
			name, digits = authority[:i], authority[i+1:]
		}
		h, reason = parseName(name)
	}
	if reason != 0 || digits == "" {
		return h, 0, reason
	}
	number, err := strconv.ParseUint(digits, 10, 16)
	if err != nil || number == 0 {
		return host{}, 0, BadPort
	}
	return h, uint16(number), 0
}

// parseIPv6 parses the text between brackets. IPvFuture (RFC 3986, section
// 3.2.2) has no version yet and is rejected.
func parseIPv6(s string) (host, Reason) {
	address, _, zoned := strings.Cut(s, "%")
	addr, err := netip.ParseAddr(address)
	switch {
	case err != nil || !addr.Is6():
		return host{}, BadHost
	case zoned:
		return host{}, Zone
	}
	return host{addr: addr}, 0
}
