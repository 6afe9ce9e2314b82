package sender_test

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/hookline/hookline/pkg/delivery"
	"github.com/hookline/hookline/pkg/delivery/sender"
	"github.com/hookline/hookline/pkg/validate"
)

func networks(t *testing.T, texts ...string) validate.Networks {
	t.Helper()
	list, err := validate.ParseNetworks(texts...)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// TestAllowedNetworks holds that of the corpus, in all spellings and behind
// names, a list of networks opens these addresses and no other.
func TestAllowedNetworks(t *testing.T) {
	for _, test := range []struct {
		allow []string
		want  []string // of testdata/addresses.txt, without those IPv4-mapped
	}{
		{[]string{"10.0.0.0/16"}, []string{"10.0.0.1"}},
		{[]string{"10.0.0.1/32", "172.16.0.0/12", "fd00::/64"}, []string{"10.0.0.1", "172.16.0.1", "172.31.255.254", "fd00::1"}},
		{[]string{"127.0.0.1/32", "100.64.0.0/10"}, []string{"127.0.0.1", "100.64.0.1", "100.127.255.255"}}, // not Alibaba's metadata
		// Wide lists contain what is never allowed, and do not open it.
		{[]string{"160.0.0.0/4", "fc00::/6", "fe00::/7"}, []string{"172.16.0.1", "172.31.255.254", "fc00::1", "fd00::1", "fec0::1"}},
	} {
		port, accepted := traps(t)
		names := newNameserver()
		urls := corpus(t, names, port)
		var w watch
		c := newClient(t, sender.Config{
			AllowHTTP: true, AllowNetworks: networks(t, test.allow...), Resolver: names.resolver(t), Connecting: w.connecting,
		})
		reached := map[string]bool{}
		for _, url := range urls {
			send(t, c, request(url))
			for _, seen := range w.taken() {
				addr := seen.Addr().Unmap().String()
				reached[addr] = true
				if !slices.Contains(test.want, addr) {
					t.Errorf("%v: %s: about to connect to %v", test.allow, url, seen)
				}
			}
		}
		for _, want := range test.want {
			if addr := netip.MustParseAddr(want); !reached[want] && (addr.Is4() || hasIPv6()) {
				t.Errorf("%v: %s was not tried", test.allow, want)
			}
		}
		if n := accepted(); n != 0 {
			t.Errorf("%d connections were made", n)
		}
	}
}

// TestAllowedNetworkIsReached holds that a delivery arrives at an address in
// the network, and that its neighbour gets no connection.
func TestAllowedNetworkIsReached(t *testing.T) {
	port, accepted := traps(t)
	c := newClient(t, sender.Config{AllowHTTP: true, AllowNetworks: networks(t, "127.0.0.1/32")})
	if got := send(t, c, request("http://127.0.0.1:"+port+"/")); got != (delivery.Response{Status: 200}) {
		t.Errorf("inside: got %+v", got)
	}
	for _, host := range []string{"127.0.0.2", "[::1]", "localhost", "0.0.0.0", "[64:ff9b::127.0.0.1]"} {
		if got := send(t, c, request("http://"+host+":"+port+"/")); got.Reason != notPublic {
			t.Errorf("%s: got %+v", host, got)
		}
	}
	limited := request("http://127.0.0.1:" + port + "/")
	limited.Ports = []uint16{443}
	if got := send(t, c, limited); got.Reason != "the URL must use port 443" {
		t.Errorf("another port than the API's: got %+v", got)
	}
	if n := accepted(); n != 1 {
		t.Errorf("%d connections were made, want 1", n)
	}
}
