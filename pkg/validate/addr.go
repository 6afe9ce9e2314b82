package validate

import (
	"net/netip"

	"code.dny.dev/ssrf"
)

// Prefixes that embed an IPv4 address and are reachable exactly if that address
// is.
var (
	// wellKnownNAT64 ends in the address (RFC 6052, section 2.1).
	wellKnownNAT64 = ssrf.IPv6NAT64Prefix
	// sixToFour has the address in bytes 2 to 5 (RFC 3056, section 2).
	sixToFour = netip.MustParsePrefix("2002::/16")
	// teredo has the server's address in bytes 4 to 7 and the client's, with
	// each bit inverted, in bytes 12 to 15 (RFC 4380, section 4).
	teredo = netip.MustParsePrefix("2001::/32")
)

// guard uses the lists of code.dny.dev/ssrf, which follow IANA's
// special-purpose registries. They deny all that the registries (of 2025-10-09)
// mark as not globally reachable, and IPv4 multicast. IPv6 outside 2000::/3 is
// denied as a whole, which includes loopback, unique local, link-local,
// site-local, multicast, discard-only, SRv6 SIDs, IPv4-compatible addresses and
// the local-use NAT64 prefix 64:ff9b:1::/48. 192.88.99.0/24 is denied: the
// registry lists its reachability as not applicable since RFC 7526 retired it.
// The lists deny more than the registries, so the prefixes that those mark as
// globally reachable are allowed here. One address is denied beside them, since
// it is public and yet means the machine's own cloud. The metadata services of
// other clouds are link-local, unique local, shared (100.100.100.200) or among
// the protocol assignments (192.0.0.192).
var guard = ssrf.New(
	ssrf.WithAnyPort(),
	ssrf.WithDeniedV4Prefixes(netip.MustParsePrefix("168.63.129.16/32")), // Azure's wire server
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

// PublicAddr reports whether an address is globally reachable according to
// IANA's special-purpose registries, and is not Azure's wire server
// (docs/contracts/README.md, URLs 10).
// IPv4-mapped, NAT64 (64:ff9b::/96), 6to4 and Teredo addresses are as public as
// the IPv4 addresses they embed: the registries refer to their RFCs, which make
// them as reachable as those. An invalid address or one with a zone is not
// public.
func PublicAddr(addr netip.Addr) bool {
	if !addr.IsValid() || addr.Zone() != "" {
		return false
	}
	addr = addr.Unmap() // drops a zone
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
