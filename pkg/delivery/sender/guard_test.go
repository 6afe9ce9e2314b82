package sender_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hookline/hookline/pkg/delivery"
	"github.com/hookline/hookline/pkg/delivery/sender"
)

var (
	public4 = netip.MustParseAddr("93.184.216.34")
	public6 = netip.MustParseAddr("2606:4700:4700::1111")
)

// errOffline keeps the tests from connecting to anything public.
var errOffline = errors.New("tests stay on this machine")

// watch notes the addresses that a client is about to connect to, and stops it.
type watch struct {
	mu   sync.Mutex
	seen []netip.AddrPort
}

func (w *watch) connecting(addr netip.AddrPort) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seen = append(w.seen, addr)
	return errOffline
}

func (w *watch) taken() []netip.AddrPort {
	w.mu.Lock()
	defer w.mu.Unlock()
	seen := w.seen
	w.seen = nil
	return seen
}

// traps listen on one port of the loopback addresses, and answer whoever comes.
func traps(t testing.TB) (ports string, accepted func() int64) {
	t.Helper()
	serve := func(_ int64, c net.Conn) {
		if readRequest(bufio.NewReader(c)) == nil {
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
		}
	}
	four := newReceiver(t, "tcp4", "127.0.0.1:0", serve)
	if !hasIPv6() {
		return port(four), four.accepted.Load
	}
	six := newReceiver(t, "tcp6", "[::1]:"+port(four), serve)
	return port(four), func() int64 { return four.accepted.Load() + six.accepted.Load() }
}

func hasIPv6() bool {
	l, err := net.Listen("tcp6", "[::1]:0")
	if err != nil {
		return false
	}
	l.Close()
	return true
}

// TestTrapsWork holds that the traps of these tests would be found: without
// the guard, the very same names and URLs lead there.
func TestTrapsWork(t *testing.T) {
	port, accepted := traps(t)
	names := newNameserver()
	names.add("a.private.test", []netip.Addr{netip.MustParseAddr("127.0.0.1")})
	hosts := []string{"127.0.0.1", "a.private.test", "A.private.TEST.", "[::ffff:127.0.0.1]"}
	if hasIPv6() {
		names.add("b.private.test", []netip.Addr{netip.IPv6Loopback()})
		hosts = append(hosts, "[::1]", "b.private.test")
	}
	cfg := open()
	cfg.Resolver = names.resolver(t)
	c := newClient(t, cfg)
	for _, host := range hosts {
		if got := send(t, c, request("http://"+host+":"+port+"/")); got != (delivery.Response{Status: 200}) {
			t.Errorf("%s: got %+v", host, got)
		}
	}
	if n := accepted(); n != int64(len(hosts)) {
		t.Errorf("%d connections, want %d", n, len(hosts))
	}
}

// TestNamesWithSeveralAddresses holds that of a name's addresses the private
// ones are left out, in whichever order they come.
func TestNamesWithSeveralAddresses(t *testing.T) {
	port, accepted := traps(t)
	loopback, metadata := netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("169.254.169.254")
	mapped := netip.MustParseAddr("::ffff:127.0.0.1")
	names := newNameserver()
	for name, test := range map[string][]netip.Addr{
		"public first":  {public4, loopback},
		"private first": {loopback, metadata, public4},
		"two families":  {loopback, public6},
		"the other way": {public4, netip.IPv6Loopback()},
		"mapped":        {mapped, public4},
		"many":          {loopback, public4, metadata, public6, mapped, netip.IPv6Loopback()},
	} {
		names.add(strings.ReplaceAll(name, " ", "-")+".mixed.test", test)
	}
	var w watch
	c := newClient(t, sender.Config{AllowHTTP: true, Resolver: names.resolver(t), Connecting: w.connecting})
	for name := range names.zone {
		got := send(t, c, request("http://"+name+":"+port+"/"))
		if got.Status != 0 {
			t.Errorf("%s: got %+v", name, got)
		}
		seen := w.taken()
		for _, addr := range seen {
			if addr.Addr() != public4 && addr.Addr() != public6 {
				t.Errorf("%s: about to connect to %v", name, addr)
			}
		}
		if len(seen) == 0 && hasIPv6() {
			t.Errorf("%s: the public address was not tried: %+v", name, got)
		}
	}
	if n := accepted(); n != 0 {
		t.Errorf("%d connections were made", n)
	}
}

// TestRedirectsInside holds that an answer cannot send a delivery elsewhere.
func TestRedirectsInside(t *testing.T) { followsNone(t, newClient(t, open())) }

func followsNone(t testing.TB, s delivery.Sender) {
	t.Helper()
	port, accepted := traps(t)
	for _, status := range []int{300, 301, 302, 303, 307, 308} {
		r := saying(t, fmt.Sprintf("HTTP/1.1 %d x\r\nLocation: http://127.0.0.1:%s/\r\nRefresh: 0; http://127.0.0.1:%s/\r\n\r\n", status, port, port))
		if got := send(t, s, request(r.url("http"))); got.Status != status {
			t.Errorf("got %+v", got)
		}
	}
	if n := accepted(); n != 0 {
		t.Errorf("%d connections were made", n)
	}
}

// TestProxyOfTheEnvironment holds that the address of the URL is dialled. It
// runs in a process of its own, since net/http reads the environment once.
func TestProxyOfTheEnvironment(t *testing.T) {
	const inside = "HOOKLINE_TEST_BEHIND_A_PROXY"
	if os.Getenv(inside) == "" {
		child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$")
		child.Env = append(os.Environ(), inside+"=1")
		for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"} {
			child.Env = append(child.Env, name+"=http://127.0.0.1:9")
		}
		if out, err := child.CombinedOutput(); err != nil {
			t.Errorf("%v:\n%s", err, out)
		}
		return
	}
	for _, private := range []bool{false, true} {
		var w watch
		c := newClient(t, sender.Config{AllowHTTP: true, AllowPrivate: private, Connecting: w.connecting})
		for _, scheme := range []string{"http", "https"} {
			if got := send(t, c, request(scheme+"://"+public4.String()+":81/")); got.Reason != noConnection {
				t.Errorf("got %+v", got)
			}
			if seen := w.taken(); len(seen) != 1 || seen[0] != netip.AddrPortFrom(public4, 81) {
				t.Errorf("about to connect to %v", seen)
			}
		}
	}
}

// TestPolicyOfToday tries URLs that were registered under another policy.
func TestPolicyOfToday(t *testing.T) {
	shoptet := []uint16{80, 443, 8080, 8443}
	const ok = noConnection // the test's own doing: nothing else is wrong
	for _, test := range []struct {
		cfg   sender.Config
		ports []uint16
		url   string
		want  string
	}{
		{sender.Config{}, nil, "http://93.184.216.34/", "the URL must be an https URL"},
		{sender.Config{}, nil, "https://93.184.216.34/", ok},
		{sender.Config{}, []uint16{}, "https://93.184.216.34:9/", ok},
		{sender.Config{}, shoptet, "https://93.184.216.34/", ok},
		{sender.Config{}, shoptet, "https://93.184.216.34:443/", ok},
		{sender.Config{}, shoptet, "https://93.184.216.34:8443/", ok},
		{sender.Config{}, shoptet, "https://93.184.216.34:22/", "the URL must use one of the ports 80, 443, 8080, 8443"},
		{sender.Config{}, []uint16{443}, "https://93.184.216.34:80/", "the URL must use port 443"},
		{sender.Config{AllowHTTP: true}, []uint16{443}, "http://93.184.216.34/", "the URL must use port 443"},
		{sender.Config{AllowHTTP: true}, shoptet, "http://93.184.216.34/", ok},
		{sender.Config{AllowPrivate: true}, shoptet, "https://10.0.0.1:22/", ok},
		{sender.Config{AllowPrivate: true}, shoptet, "http://10.0.0.1:22/", "the URL must be an https URL"},
		{sender.Config{}, nil, "https://10.0.0.1/", notPublic},
		{sender.Config{}, nil, "https://localhost/", notPublic},
		{sender.Config{}, nil, "ftp://example.com/", "the URL must be an https URL"},
		{sender.Config{AllowHTTP: true}, nil, "gopher://example.com/", "the URL must be an http or https URL"},
		{sender.Config{}, nil, "", "the URL must be an absolute URL such as https://example.com/hook"},
		{sender.Config{}, nil, "https://" + marker + "@example.com/", "the URL must not contain user information (@ before the host)"},
		{sender.Config{}, nil, "https://example.com/" + strings.Repeat("a", 2000), "the URL must be at most 2000 characters"},
	} {
		var w watch
		test.cfg.Connecting = w.connecting
		q := request(test.url)
		q.Ports = test.ports
		if got := newClient(t, test.cfg).Send(t.Context(), q); got.Reason != test.want || got.Status != 0 {
			t.Errorf("%s under %v: got %+v, want %q", test.url, test.ports, got, test.want)
		}
		if seen := w.taken(); (len(seen) == 1) != (test.want == ok) {
			t.Errorf("%s: about to connect to %v", test.url, seen)
		}
	}
	q := request("https://example.com/")
	for port := range 1000 {
		q.Ports = append(q.Ports, uint16(1000+port))
	}
	if got := newClient(t, sender.Config{}).Send(t.Context(), q); len(got.Reason) != 120 {
		t.Errorf("got %+v", got)
	}
}

func TestNames(t *testing.T) {
	names := newNameserver()
	names.add("empty.test", nil)
	names.silent["silent.test."] = true
	names.broken["broken.test."] = true
	cfg := open()
	cfg.Resolver = names.resolver(t)
	c := newClient(t, cfg)
	for name, want := range map[string]string{
		"none.test":   noName,
		"empty.test":  noName,
		"broken.test": noName,
		"silent.test": "no answer within 100 ms",
	} {
		q := request("http://" + name + "/")
		if name == "silent.test" {
			q.Timeout = 100 * time.Millisecond
		}
		if got := send(t, c, q); got != (delivery.Response{Reason: want}) {
			t.Errorf("%s: got %+v", name, got)
		}
	}
}

// TestManyAddresses holds that an attempt does not try all that a name has.
func TestManyAddresses(t *testing.T) {
	names := newNameserver()
	var all []netip.Addr
	for i := range 25 { // an answer by UDP holds no more
		all = append(all, netip.AddrFrom4([4]byte{93, 184, 216, byte(i)}))
	}
	names.add("many.test", all)
	var w watch
	c := newClient(t, sender.Config{AllowHTTP: true, Resolver: names.resolver(t), Connecting: w.connecting})
	for range 2 {
		if got := send(t, c, request("http://many.test/")); got.Reason != noConnection {
			t.Errorf("got %+v", got)
		}
		if seen := w.taken(); len(seen) != 16 {
			t.Errorf("about to connect to %d addresses, want 16", len(seen))
		}
	}
}

// TestNamesAreLookedUpAsTheyAre holds that exactly the name is asked for, in
// ASCII, whatever search list this machine has.
func TestNamesAreLookedUpAsTheyAre(t *testing.T) {
	for host, want := range map[string]string{
		"single": "single.", "name.test": "name.test.", "rooted.test.": "rooted.test.",
		"b\u00fccher.test": "xn--bcher-kva.test.", "B\u00dcCHER.test": "xn--bcher-kva.test.", "b%C3%BCcher.test": "xn--bcher-kva.test.",
	} {
		names := newNameserver()
		c := newClient(t, sender.Config{AllowHTTP: true, Resolver: names.resolver(t)})
		if got := send(t, c, request("http://"+host+"/")); got.Reason != noName {
			t.Errorf("%s: got %+v", host, got)
		}
		asked := names.names()
		if len(asked) == 0 {
			t.Errorf("%s: nothing was asked for", host)
		}
		for _, name := range asked {
			if name != want {
				t.Errorf("%s: asked for %q, want %q only", host, name, want)
			}
		}
	}
}

// TestReusedConnectionOfAMovedName holds that a kept connection leads where it
// was dialled to, and that the next one is checked anew.
func TestReusedConnectionOfAMovedName(t *testing.T) {
	r := newReceiver(t, "tcp", "127.0.0.1:0", func(_ int64, c net.Conn) {
		b := bufio.NewReader(c)
		for n := 0; n < 3 && readRequest(b) == nil; n++ {
			_, _ = io.WriteString(c, okay)
		}
	})
	names := newNameserver()
	here, elsewhere := netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("127.0.0.2")
	names.add("moves.test", []netip.Addr{here}, []netip.Addr{elsewhere})
	var w watch
	cfg := open()
	cfg.Resolver = names.resolver(t)
	cfg.Connecting = func(addr netip.AddrPort) error {
		if err := w.connecting(addr); addr.Addr() != here {
			return err
		}
		return nil
	}
	c := newClient(t, cfg)
	for i, want := range []string{"", "", "", noConnection} {
		if got := send(t, c, request("http://moves.test:"+port(r)+"/")); got.Reason != want {
			t.Errorf("attempt %d: got %+v, want %q", i, got, want)
		}
	}
	seen := w.taken()
	if len(seen) != 2 || seen[0].Addr() != here || seen[1].Addr() != elsewhere {
		t.Errorf("checked %v, want one address and then the other", seen)
	}
}
