package validate_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/hookline/hookline/pkg/validate"
)

func TestParseNetwork(t *testing.T) {
	for text, want := range map[string]string{ // the error, "" for none
		"10.20.0.0/16": "", "192.168.1.7/32": "", "fd12:3456::/32": "", "127.0.0.0/8": "", "::1/128": "", "100.64.0.0/10": "", "fd00::/8": "",
		"": "must be a network", "10.20.0.0": "must be a network", "10.20/16": "must be a network", "10.20.0.0/33": "must be a network",
		"010.20.0.0/16": "must be a network", "all": "must be a network", "fe80::%eth0/64": "must be a network", "10.0.0.0/8,10.1.0.0/16": "must be a network",
		"10.20.1.0/16": "write 10.20.0.0/16", "fd12:3456::1/32": "write fd12:3456::/32", "::ffff:10.0.0.0/104": "as an IPv4 network",
		"0.0.0.0/0": "all addresses", "::/0": "all addresses",
		"169.254.0.0/16": "never", "169.254.169.254/32": "never", "fe80::/10": "never", "fe80::/64": "never", "168.63.129.16/32": "never",
		"100.100.100.200/32": "never", "192.0.0.192/32": "never", "fd00:ec2::/32": "never", "fd00:ec2::254/128": "never", "fd20:ce::254/128": "never",
		"0.0.0.0/8": "never", "224.0.0.0/4": "never", "255.255.255.255/32": "never", "ff00::/8": "never", "::/96": "never", "64:ff9b::/96": "never",
		"64:ff9b:1::/96": "never", "2002:a00::/24": "never", "2001::/32": "never", "::ffff:0:0:0/96": "never",
	} {
		network, err := validate.ParseNetwork(text)
		switch {
		case want == "" && (err != nil || network.String() != text):
			t.Errorf("ParseNetwork(%q) = %v, %v", text, network, err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("ParseNetwork(%q): error %v, want one that says %q", text, err, want)
		}
	}
}

func networks(t testing.TB, texts ...string) validate.Networks {
	t.Helper()
	list, err := validate.ParseNetworks(texts...)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestAllow(t *testing.T) {
	some := networks(t, "10.20.0.0/16", "fd12:3456::/32")
	// As wide as can be written: all but 64.0.0.0/2, and half of IPv6.
	wide := networks(t, "0.0.0.0/2", "128.0.0.0/1", "::/1", "8000::/1", "100.0.0.0/8")
	for _, c := range []struct {
		addr       string
		some, wide bool
	}{
		{"1.1.1.1", true, true}, {"2606:4700:4700::1111", true, true},
		{"10.20.0.0", true, true}, {"10.20.255.255", true, true}, {"::ffff:10.20.1.2", true, true}, {"fd12:3456:ffff::1", true, true},
		{"10.19.255.255", false, true}, {"10.21.0.0", false, true}, {"fd12:3457::1", false, true}, {"192.168.0.1", false, true},
		{"64:ff9b::10.20.1.2", false, false}, {"64:ff9b:1::10.20.1.2", false, false}, {"2002:a14:102::1", false, false}, {"::10.20.1.2", false, false},
		{"2001:0:a14:102:0:0:f7f7:f7f7", false, false}, {"::ffff:0:10.20.1.2", false, false},
		{"169.254.169.254", false, false}, {"169.254.170.2", false, false}, {"::ffff:169.254.169.254", false, false}, {"168.63.129.16", false, false},
		{"100.100.100.200", false, false}, {"192.0.0.192", false, false}, {"fd00:ec2::254", false, false}, {"fd00:ec2::23", false, false},
		{"fd20:ce::254", false, false}, {"fd00:c1::a9fe:a9fe", false, false}, {"fd00:42::42", false, false}, {"fe80::1", false, false},
		{"0.0.0.0", false, false}, {"::", false, false}, {"224.0.0.1", false, false}, {"255.255.255.255", false, false}, {"ff02::1", false, false},
		{"fd12:3456::1%eth0", false, false}, {"::1", false, true},
	} {
		addr := netip.MustParseAddr(c.addr)
		if got := some.Allow(addr); got != c.some {
			t.Errorf("%v allows %s: %v", some, addr, got)
		}
		if got := wide.Allow(addr); got != c.wide {
			t.Errorf("%v allows %s: %v", wide, addr, got)
		}
		if got := validate.Networks(nil).Allow(addr); got != validate.PublicAddr(addr) {
			t.Errorf("no network allows %s: %v", addr, got)
		}
	}
	if wide.Allow(netip.Addr{}) {
		t.Error("the zero Addr is allowed")
	}
}

func TestHasLoopback(t *testing.T) {
	for text, want := range map[string]bool{
		"127.0.0.0/8": true, "127.0.0.1/32": true, "96.0.0.0/3": true, "::1/128": true, "::/8": true, "10.0.0.0/8": false, "fd00::/8": false,
	} {
		if got := networks(t, text)[0].HasLoopback(); got != want {
			t.Errorf("%s has an address of the machine itself: %v", text, got)
		}
	}
}
