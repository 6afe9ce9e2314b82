package validate_test

import (
	"encoding/csv"
	"net/netip"
	"os"
	"testing"

	"github.com/hookline/hookline/pkg/validate"
)

type registryRow struct {
	prefix    netip.Prefix
	reachable string // True, False, carried
}

func readRegistry(t *testing.T) []registryRow {
	t.Helper()
	f, err := os.Open("testdata/iana-special-purpose.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r := csv.NewReader(f)
	r.Comment = '#'
	records, err := r.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var rows []registryRow
	for _, record := range records[1:] {
		rows = append(rows, registryRow{netip.MustParsePrefix(record[0]), record[2]})
	}
	return rows
}

// lookUp gives what the most specific row says of an address. At the borders
// of the prefixes that carry an IPv4 address, all the addresses carried are
// 0.0.0.0 or 255.255.255.255, which are not reachable.
func lookUp(rows []registryRow, addr netip.Addr) bool {
	best := registryRow{}
	for _, row := range rows {
		if row.prefix.Contains(addr) && (!best.prefix.IsValid() || row.prefix.Bits() > best.prefix.Bits()) {
			best = row
		}
	}
	return best.reachable == "True"
}

func last(p netip.Prefix) netip.Addr {
	b := p.Addr().AsSlice()
	for i := p.Bits(); i < len(b)*8; i++ {
		b[i/8] |= 0x80 >> (i % 8)
	}
	addr, _ := netip.AddrFromSlice(b)
	return addr
}

func TestPublicAddrAtBordersOfRegistries(t *testing.T) {
	rows := readRegistry(t)
	if len(rows) < 55 {
		t.Fatalf("registry has %d rows, want all of them", len(rows))
	}
	public := 0
	for _, row := range rows {
		first, last := row.prefix.Masked().Addr(), last(row.prefix)
		for _, addr := range []netip.Addr{first, last, first.Prev(), last.Next()} {
			if !addr.IsValid() { // beyond the first or last address there is
				continue
			}
			want := lookUp(rows, addr)
			if got := validate.PublicAddr(addr); got != want {
				t.Errorf("PublicAddr(%v) = %v, want %v (border of %v)", addr, got, want, row.prefix)
			}
			if want {
				public++
			}
		}
	}
	if public < 50 {
		t.Errorf("only %d of the borders are public: the corpus is not what it should be", public)
	}
}

// TestPublicAddrOfMappedIPv4 holds that an IPv4 address is checked the same
// when it is written as an IPv6 one.
func TestPublicAddrOfMappedIPv4(t *testing.T) {
	for _, row := range readRegistry(t) {
		if !row.prefix.Addr().Is4() {
			continue
		}
		for _, addr := range []netip.Addr{row.prefix.Addr(), last(row.prefix)} {
			want := validate.PublicAddr(addr)
			b := addr.As4()
			nat64 := [16]byte{0, 0x64, 0xff, 0x9b, 12: b[0], 13: b[1], 14: b[2], 15: b[3]}
			sixToFour := [16]byte{0x20, 0x02, b[0], b[1], b[2], b[3], 15: 1}
			server := [16]byte{0x20, 0x01, 4: b[0], 5: b[1], 6: b[2], 7: b[3], 12: ^byte(8), 13: ^byte(8), 14: ^byte(8), 15: ^byte(8)}
			client := [16]byte{0x20, 0x01, 4: 8, 5: 8, 6: 8, 7: 8, 12: ^b[0], 13: ^b[1], 14: ^b[2], 15: ^b[3]}
			for name, b := range map[string][16]byte{
				"mapped": addr.As16(), "NAT64": nat64, "6to4": sixToFour, "Teredo server": server, "Teredo client": client,
			} {
				if got := validate.PublicAddr(netip.AddrFrom16(b)); got != want {
					t.Errorf("%v as %s %v: public %v, want %v", addr, name, netip.AddrFrom16(b), got, want)
				}
			}
		}
	}
}

func TestPublicAddr(t *testing.T) {
	for addr, want := range map[string]bool{
		"1.1.1.1":                              true,
		"93.184.216.34":                        true,
		"223.255.255.255":                      true,
		"169.254.169.254":                      false,
		"100.100.100.200":                      false,
		"168.63.129.16":                        false,
		"168.63.129.15":                        true,
		"168.63.129.17":                        true,
		"::ffff:168.63.129.16":                 false,
		"64:ff9b::168.63.129.16":               false,
		"2002:a83f:8110::1":                    false,
		"2001:0:808:808:0:0:57c0:7eef":         false,
		"2606:4700:4700::1111":                 true,
		"2a00:1450:4001:81b::200":              true,
		"fd00:ec2::254":                        false,
		"fe80::1":                              false,
		"fe80::1%eth0":                         false,
		"2606:4700::1%eth0":                    false,
		"::127.0.0.1":                          false,
		"::8.8.8.8":                            false,
		"::ffff:0:8.8.8.8":                     false, // IPv4-translated (RFC 2765)
		"64:ff9b:1::8.8.8.8":                   false, // local use (RFC 8215)
		"4000::1":                              false,
		"2001:0:4136:e378:8000:63bf:3fff:fdd2": false, // its client is 192.0.2.45
	} {
		if got := validate.PublicAddr(netip.MustParseAddr(addr)); got != want {
			t.Errorf("PublicAddr(%s) = %v, want %v", addr, got, want)
		}
	}
	if addr := netip.MustParseAddr("::ffff:1.1.1.1").WithZone("eth0"); validate.PublicAddr(addr) {
		t.Errorf("%v is public, although it has a zone", addr)
	}
	if validate.PublicAddr(netip.Addr{}) {
		t.Error("the zero Addr is public")
	}
}
