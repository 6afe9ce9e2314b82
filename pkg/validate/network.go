package validate

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
)

// Network is a network of the operator's, whose addresses may be reached though
// they are not public. The zero Network has no address.
type Network struct{ prefix netip.Prefix }

// Networks are the networks that an operator allows. Those that no list can
// allow stay closed: see [Networks.Allow].
type Networks []Network

// closed are never allowed, whatever contains them: addresses that mean the
// machine's cloud and give away its credentials, those that mean no host or
// many, and those that carry an IPv4 address, which would be allowed behind the
// back of the list.
var closed = []netip.Prefix{
	netip.MustParsePrefix("169.254.0.0/16"),         // link-local; metadata and credentials of most clouds
	netip.MustParsePrefix("fe80::/10"),              // link-local
	netip.MustParsePrefix("168.63.129.16/32"),       // wire server of Azure
	netip.MustParsePrefix("100.100.100.200/32"),     // metadata of Alibaba
	netip.MustParsePrefix("192.0.0.192/32"),         // metadata of Oracle
	netip.MustParsePrefix("fd00:ec2::/32"),          // metadata, resolver and credentials of AWS
	netip.MustParsePrefix("fd20:ce::254/128"),       // metadata of GCP
	netip.MustParsePrefix("fd00:c1::a9fe:a9fe/128"), // metadata of Oracle
	netip.MustParsePrefix("fd00:42::42/128"),        // metadata of Scaleway
	netip.MustParsePrefix("0.0.0.0/8"),              // this host
	netip.MustParsePrefix("224.0.0.0/3"),            // multicast, reserved, broadcast
	netip.MustParsePrefix("ff00::/8"),               // multicast
	netip.MustParsePrefix("::/96"),                  // IPv4-compatible, unspecified
	netip.MustParsePrefix("::ffff:0:0:0/96"),        // IPv4-translated
	netip.MustParsePrefix("64:ff9b::/96"),           // NAT64
	netip.MustParsePrefix("64:ff9b:1::/48"),         // NAT64, local use
	netip.MustParsePrefix("2002::/16"),              // 6to4
	netip.MustParsePrefix("2001::/32"),              // Teredo
}

// loopback are the networks of the machine itself.
var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.PrefixFrom(netip.IPv6Loopback(), 128)}

// ParseNetwork parses a network such as 10.20.0.0/16 or fd12:3456::/32. The
// error says what to write instead, and does not repeat the text.
func ParseNetwork(text string) (Network, error) {
	p, err := netip.ParsePrefix(text)
	switch {
	case err != nil:
		return Network{}, errors.New("must be a network such as 10.20.0.0/16 or fd12:3456::/32")
	case p.Addr().Is4In6():
		return Network{}, errors.New("must be written as an IPv4 network")
	case p != p.Masked():
		return Network{}, fmt.Errorf("must end in zeros after its first %d bits: write %v", p.Bits(), p.Masked())
	case p.Bits() == 0:
		return Network{}, errors.New("must not be all addresses")
	case !isLoopback(p) && slices.ContainsFunc(closed, func(c netip.Prefix) bool { return c.Bits() <= p.Bits() && c.Overlaps(p) }):
		return Network{}, errors.New("is never allowed: it is link-local, multicast, reserved, of a cloud's metadata, or carries IPv4 addresses")
	}
	return Network{p}, nil
}

// ParseNetworks parses each of some networks. The error is that of the first that
// is wrong.
func ParseNetworks(texts ...string) (Networks, error) {
	list := make(Networks, len(texts))
	for i, text := range texts {
		var err error
		if list[i], err = ParseNetwork(text); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// UnmarshalText implements [encoding.TextUnmarshaler].
func (n *Network) UnmarshalText(text []byte) (err error) {
	*n, err = ParseNetwork(string(text))
	return err
}

// String returns the network as it is written.
func (n Network) String() string { return n.prefix.String() }

// HasLoopback reports whether the network has an address of the machine itself.
func (n Network) HasLoopback() bool { return slices.ContainsFunc(loopback, n.prefix.Overlaps) }

func isLoopback(p netip.Prefix) bool {
	return slices.ContainsFunc(loopback, func(l netip.Prefix) bool { return l.Bits() <= p.Bits() && l.Overlaps(p) })
}

// Allow reports whether a delivery may reach an address: a public one, or one
// in a network of the list. The list never allows a link-local address, one of
// a cloud's metadata, or one that carries an IPv4 address other than as
// IPv4-mapped, even if a network contains it.
func (n Networks) Allow(addr netip.Addr) bool {
	if PublicAddr(addr) {
		return true
	}
	if len(n) == 0 || !addr.IsValid() || addr.Zone() != "" {
		return false
	}
	addr = addr.Unmap()
	contains := func(p netip.Prefix) bool { return p.Contains(addr) }
	if !addr.IsLoopback() && slices.ContainsFunc(closed, contains) {
		return false
	}
	return slices.ContainsFunc(n, func(n Network) bool { return n.prefix.Contains(addr) })
}
