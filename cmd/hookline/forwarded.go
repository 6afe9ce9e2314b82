package main

import (
	"errors"
	"iter"
	"net/http"
	"net/netip"
	"strings"
)

// proxyFlags say whom a server believes what it says of a request's client.
type proxyFlags struct {
	Trusted []proxyNetwork `name:"proxy" env:"HOOKLINE_TRUSTED_PROXY" help:"Network or address of a proxy in front of the server, whose word on a client's address and scheme counts (repeatable)." placeholder:"NETWORK"`
	Header  string         `name:"proxy-header" env:"HOOKLINE_TRUSTED_PROXY_HEADER" help:"Where the proxy says it: x-forwarded-for, with x-forwarded-proto, or forwarded (default: x-forwarded-for)." enum:"x-forwarded-for,forwarded" default:"x-forwarded-for" placeholder:"x-forwarded-for|forwarded"`
}

// proxyNetwork is a network, or one address.
type proxyNetwork struct{ netip.Prefix }

// UnmarshalText parses "10.0.0.0/8" or "10.0.0.1".
func (n *proxyNetwork) UnmarshalText(text []byte) error {
	if addr, err := netip.ParseAddr(string(text)); err == nil && addr.Zone() == "" {
		n.Prefix = netip.PrefixFrom(addr.Unmap(), addr.Unmap().BitLen())
		return nil
	}
	prefix, err := netip.ParsePrefix(string(text))
	if err != nil || prefix.Addr().Is4In6() {
		return errors.New("must be a network or an address, such as 10.0.0.0/8 or 127.0.0.1")
	}
	n.Prefix = prefix.Masked()
	return nil
}

// hop is what a proxy says of whom it got a request from.
type hop struct {
	addr   netip.Addr // invalid if it does not say
	scheme string
}

func (f proxyFlags) trusts(addr netip.Addr) bool {
	for _, network := range f.Trusted {
		if network.Contains(addr) {
			return true
		}
	}
	return false
}

// client returns the address of a request's client: the rightmost one that is
// no trusted proxy's. What stands left of that anyone may have written. It is
// empty if the connection has no address.
func (f proxyFlags) client(r *http.Request) string {
	if found := f.origin(r).addr; found.IsValid() {
		return found.String()
	}
	return ""
}

// secure reports whether a client's request came by HTTPS.
func (f proxyFlags) secure(r *http.Request) bool { return f.origin(r).scheme == "https" }

// origin returns whom a request came from, before all trusted proxies.
func (f proxyFlags) origin(r *http.Request) hop {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return hop{}
	}
	from := hop{addr: peer.Addr().Unmap().WithZone(""), scheme: "http"}
	if r.TLS != nil {
		from.scheme = "https"
	}
	if len(f.Trusted) == 0 || !f.trusts(from.addr) {
		return from
	}
	hops := xForwarded(r.Header)
	if f.Header == "forwarded" {
		hops = forwarded(r.Header)
	}
	for i := len(hops) - 1; i >= 0 && f.trusts(from.addr); i-- {
		if hops[i].scheme != "" {
			from.scheme = hops[i].scheme
		}
		if !hops[i].addr.IsValid() {
			break // a proxy that hides whom it got it from, or nonsense
		}
		from.addr = hops[i].addr
	}
	return from
}

// xForwarded reads X-Forwarded-For and X-Forwarded-Proto. The scheme is what
// the nearest proxy says.
func xForwarded(header http.Header) []hop {
	var hops []hop
	for _, text := range elements(header["X-Forwarded-For"], ',') {
		hops = append(hops, hop{addr: parseNode(text)})
	}
	schemes := elements(header["X-Forwarded-Proto"], ',')
	if len(schemes) == 0 {
		return hops
	}
	if len(hops) == 0 {
		hops = []hop{{}}
	}
	hops[len(hops)-1].scheme = parseScheme(schemes[len(schemes)-1])
	return hops
}

// forwarded reads Forwarded (RFC 7239, section 4). A field whose quotes do not
// balance says nothing: one could not tell what a client wrote into it.
func forwarded(header http.Header) []hop {
	var hops []hop
	for _, line := range header["Forwarded"] {
		if !balanced(line) {
			return nil
		}
	}
	for _, element := range elements(header["Forwarded"], ',') {
		var h hop
		for _, pair := range elements([]string{element}, ';') {
			name, value, _ := strings.Cut(pair, "=")
			value = strings.Trim(value, `"`)
			switch strings.ToLower(name) {
			case "for":
				h.addr = parseNode(value)
			case "proto":
				h.scheme = parseScheme(value)
			}
		}
		hops = append(hops, h)
	}
	return hops
}

// elements splits the lines of a header field, in their order. A separator in a
// quoted string (RFC 9110, section 5.6.4) is part of its element.
func elements(lines []string, separator byte) []string {
	var all []string
	for _, line := range lines {
		from := 0
		for i, quoted := range unquoted(line) {
			if line[i] == separator && !quoted {
				all = append(all, strings.TrimSpace(line[from:i]))
				from = i + 1
			}
		}
		all = append(all, strings.TrimSpace(line[from:]))
	}
	return all
}

// unquoted yields for each byte of a field whether it is part of a quoted string,
// the quotes aside.
func unquoted(line string) iter.Seq2[int, bool] {
	return func(yield func(int, bool) bool) {
		quoted, escaped := false, false
		for i := range len(line) {
			switch {
			case escaped:
				escaped = false
			case quoted && line[i] == '\\':
				escaped = true
			case line[i] == '"':
				quoted = !quoted
			}
			if !yield(i, quoted) {
				return
			}
		}
	}
}

// balanced reports whether every quoted string of a field ends.
func balanced(line string) bool {
	open := false
	for _, quoted := range unquoted(line) {
		open = quoted
	}
	return !open
}

// parseNode reads an address, with or without a port and brackets. It is
// invalid if the text is anything else, such as "unknown".
func parseNode(text string) netip.Addr {
	if with, err := netip.ParseAddrPort(text); err == nil {
		return with.Addr().Unmap().WithZone("")
	}
	addr, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(text, "["), "]"))
	if err != nil {
		return netip.Addr{}
	}
	return addr.Unmap().WithZone("")
}

func parseScheme(text string) string {
	switch scheme := strings.ToLower(text); scheme {
	case "http", "https":
		return scheme
	}
	return ""
}
