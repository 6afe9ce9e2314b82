package validate_test

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"net"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/net/idna"
)

var (
	rfc3986         = regexp.MustCompile(`^([A-Za-z][A-Za-z0-9+.-]*)://([^/?#]*)([^?#]*)(?:\?[^#]*)?$`)
	authorityParts  = regexp.MustCompile(`^(?:\[([0-9A-Fa-f:.]+)\]|([^\[\]:@]+))(?::([0-9]*))?$`)
	invalidEncoding = regexp.MustCompile(`%(?:[^0-9A-Fa-f]|.[^0-9A-Fa-f]|.?$)`)
	encodedByte     = regexp.MustCompile(`%[0-9A-Fa-f]{2}`)
	dnsName         = regexp.MustCompile(`^[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*$`)
	endsInNumber    = regexp.MustCompile(`(?:^|\.)(?:[0-9]+|0x[0-9a-f]*)$`)
	localhost       = regexp.MustCompile(`^(?:.*\.)?localhost$`)
)

// lookup is the profile of the IDNA package itself, less its rules on ASCII.
var lookup = idna.New(idna.MapForLookup(), idna.StrictDomainName(false), idna.CheckHyphens(false))

func acceptableString(raw string) error {
	switch {
	case len([]rune(raw)) > 2000:
		return errors.New("length")
	case strings.ToValidUTF8(raw, "") != raw:
		return errors.New("UTF-8")
	case strings.ContainsAny(raw, `\#`):
		return errors.New("backslash or fragment")
	case strings.ContainsFunc(raw, func(c rune) bool {
		return unicode.In(c, unicode.White_Space, unicode.Cc, unicode.Bidi_Control)
	}):
		return errors.New("white space, control or bidi character")
	case !rfc3986.MatchString(raw):
		return errors.New("not absolute")
	}
	return nil
}

func acceptableIPv6(literal string, private bool) error {
	ip := net.ParseIP(literal)
	if ip == nil || !strings.Contains(literal, ":") {
		return errors.New("IPv6 literal")
	}
	if !private {
		return acceptableTarget(netip.AddrFrom16([16]byte(ip.To16())))
	}
	return nil
}

func acceptableName(raw string, private bool) error {
	decoded := encodedByte.ReplaceAllStringFunc(raw, func(s string) string {
		b, _ := hex.DecodeString(s[1:])
		return string(b)
	})
	if invalidEncoding.MatchString(raw) {
		return errors.New("percent encoding in the host")
	}
	name, err := lookup.ToASCII(decoded)
	if err != nil {
		return err
	}
	name = strings.TrimSuffix(strings.ToLower(name), ".")
	if len(name) > 253 || !dnsName.MatchString(name) {
		return errors.New("no DNS name")
	}
	ip := net.ParseIP(name)
	addr, numeric := inetAton(name)
	if numeric && (ip == nil || name != addr.String()) || endsInNumber.MatchString(name) && ip == nil {
		return errors.New("numeric host")
	}
	if private {
		return nil
	}
	if localhost.MatchString(name) {
		return errors.New("localhost")
	}
	if numeric {
		return acceptableTarget(addr)
	}
	return nil
}

// inetAton reads an IPv4 address in every form that inet_aton takes: one to
// four numbers, decimal, octal or hexadecimal, the last filling what is left.
func inetAton(s string) (netip.Addr, bool) {
	parts := strings.Split(s, ".")
	if len(parts) > 4 {
		return netip.Addr{}, false
	}
	var ip uint64
	for i, part := range parts {
		base, digits := 10, part
		if strings.HasPrefix(part, "0x") {
			base, digits = 16, part[2:]
		} else if len(part) > 1 && part[0] == '0' {
			base = 8
		}
		n, err := strconv.ParseUint(digits, base, 32)
		left := 8 * (4 - i)
		if i < len(parts)-1 {
			left = 8
		}
		if err != nil || n >= 1<<left {
			return netip.Addr{}, false
		}
		if i == len(parts)-1 {
			ip += n
		} else {
			ip += n << (8 * (3 - i))
		}
	}
	return netip.AddrFrom4([4]byte(binary.BigEndian.AppendUint32(nil, uint32(ip)))), true
}

// acceptableTarget checks an address, and every IPv4 address it may carry, by
// what net/netip knows of it. It is coarser than the registries.
func acceptableTarget(addr netip.Addr) error {
	candidates := []netip.Addr{addr.Unmap()}
	if b := addr.As16(); !addr.Is4() && !addr.Is4In6() {
		at := func(i int) netip.Addr { return netip.AddrFrom4([4]byte(b[i : i+4])) }
		switch text := addr.StringExpanded(); {
		case strings.HasPrefix(text, "0064:ff9b:0000:0000:0000:0000:"):
			candidates = []netip.Addr{at(12)}
		case strings.HasPrefix(text, "2002:"):
			candidates = append(candidates, at(2))
		case strings.HasPrefix(text, "2001:0000:"):
			client := binary.BigEndian.AppendUint32(nil, ^binary.BigEndian.Uint32(b[12:]))
			candidates = append(candidates, at(4), netip.AddrFrom4([4]byte(client)))
		case text[0] != '2' && text[0] != '3':
			return errors.New("not in 2000::/3")
		}
	}
	if slices.ContainsFunc(candidates, func(a netip.Addr) bool {
		return !a.IsGlobalUnicast() || a.IsPrivate() || a.IsLoopback() || a.IsLinkLocalUnicast() || a.IsMulticast() || a.IsUnspecified() ||
			netip.MustParsePrefix("100.64.0.0/10").Contains(a) || netip.MustParsePrefix("0.0.0.0/8").Contains(a)
	}) {
		return errors.New("not a public address")
	}
	return nil
}
