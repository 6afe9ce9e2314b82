package validate

import (
	"net/netip"

	"code.dny.dev/ssrf"
)

// The prefixes that carry an IPv4 address and are reachable exactly when that
// address is.
var (
	// wellKnownNAT64 ends in the address (RFC 6052, section 2.1).
	wellKnownNAT64 = ssrf.IPv6NAT64Prefix
	// sixToFour has it in bytes 2 to 5 (RFC 3056, section 2).
	sixToFour = netip.MustParsePrefix("2002::/16")
	// teredo has the server's in bytes 4 to 7 and, each bit inverted, the
	// client's in bytes 12 to 15 (RFC 4380, section 4).
	teredo = netip.MustParsePrefix("2001::/32")
)

// guard checks by the lists that code.dny.dev/ssrf keeps up with IANA's
// special-purpose registries. They cover all that the registries (of
// 2025-10-09) mark as not globally reachable, and IPv4 multicast; IPv6 beyond
// 2000::/3 is refused whole, and with it loopback, unique local, link-local,
// site-local, multicast, discard-only, SRv6 SIDs, IPv4-compatible addresses
// and the local-use NAT64 prefix 64:ff9b:1::/48. 192.88.99.0/24 is refused:
// the registry gives its reachability as not applicable, since RFC 7526
// retired it. The lists deny more than the registries do, so what those mark
// as globally reachable is allowed here.
var guard = ssrf.New(
	ssrf.WithAnyPort(),
	ssrf.WithAllowedV4Prefixes(
		netip.MustParsePrefix("192.0.0.9/32"),    // Port Control Protocol anycast (RFC 7723)
		netip.MustParsePrefix("192.0.0.10/32"),   // TURN anycast (RFC 8155)
		netip.MustParsePrefix("192.31.196.0/24"), // AS112 (RFC 7535)
		netip.MustParsePrefix("192.52.193.0/24"), // AMT (RFC 7450)
		netip.MustParsePrefix("192.175.48.0/24"), // direct delegation AS112 (RFC 7534)
	),
	ssrf.WithAllowedV6Prefixes(
		netip.MustParsePrefix("2001:1::1/128"),     // Port Control Protocol anycast (RFC 7723)
		netip.MustParsePrefix("2001:1::2/128"),     // TURN anycast (RFC 8155)
		netip.MustParsePrefix("2001:1::3/128"),     // DNS-SD registration anycast (RFC 9665)
		netip.MustParsePrefix("2001:3::/32"),       // AMT (RFC 7450)
		netip.MustParsePrefix("2001:4:112::/48"),   // AS112 (RFC 7535)
		netip.MustParsePrefix("2001:20::/28"),      // ORCHIDv2 (RFC 7343)
		netip.MustParsePrefix("2001:30::/28"),      // drone remote ID (RFC 9374)
		netip.MustParsePrefix("2620:4f:8000::/48"), // direct delegation AS112 (RFC 7534)
	),
)

// PublicAddr reports whether IANA's special-purpose registries leave an
// address globally reachable (docs/contracts/README.md, URLs 10). IPv4-mapped,
// NAT64 (64:ff9b::/96), 6to4 and Teredo addresses are checked by the IPv4
// addresses they carry: the registries refer to their RFCs, which make them as
// reachable as those. An invalid address and one with a zone are not public.
func PublicAddr(addr netip.Addr) bool {
	if !addr.IsValid() || addr.Zone() != "" {
		return false
	}
	addr = addr.Unmap() // it drops a zone
	if addr.Is4() {
		return guard.SafeAddr(addr) == nil
	}
	b := addr.As16()
	switch {
	case wellKnownNAT64.Contains(addr):
		return public4([4]byte(b[12:16]))
	case sixToFour.Contains(addr):
		return public4([4]byte(b[2:6]))
	case teredo.Contains(addr):
		client := [4]byte{^b[12], ^b[13], ^b[14], ^b[15]}
		return public4([4]byte(b[4:8])) && public4(client)
	}
	return guard.SafeAddr(addr) == nil
}

func public4(b [4]byte) bool { return guard.SafeAddr(netip.AddrFrom4(b)) == nil }
