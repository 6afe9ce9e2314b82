package sender_test

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"sync"
	"testing"

	"github.com/miekg/dns"
)

// nameserver answers for the names it has, and that there are none besides.
type nameserver struct {
	mu sync.Mutex
	// zone gives, for each name, the addresses of one look-up after the other;
	// the last are given ever after.
	zone  map[string][][]netip.Addr
	asked map[question]int
	// heard are all names that were asked for.
	heard []string
	// silent names are never answered.
	silent map[string]bool
	// broken names are answered with SERVFAIL.
	broken map[string]bool
}

type question struct {
	name string
	kind uint16
}

func newNameserver() *nameserver {
	return &nameserver{
		zone: map[string][][]netip.Addr{}, asked: map[question]int{},
		silent: map[string]bool{}, broken: map[string]bool{},
	}
}

// add has a name resolve to one list of addresses after the other.
func (s *nameserver) add(name string, lookUps ...[]netip.Addr) { s.zone[name+"."] = lookUps }

// names gives what was asked for so far.
func (s *nameserver) names() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.heard)
}

// resolver starts the server and gives a resolver that asks it alone.
func (s *nameserver) resolver(t *testing.T) *net.Resolver {
	t.Helper()
	packets, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	started, ended := make(chan struct{}), make(chan error, 1)
	server := &dns.Server{PacketConn: packets, Handler: s, NotifyStartedFunc: func() { close(started) }}
	go func() { ended <- server.ActivateAndServe() }()
	await(t, started)
	t.Cleanup(func() {
		if err := server.Shutdown(); err != nil {
			t.Error(err)
		}
		if err := await(t, ended); err != nil {
			t.Error(err)
		}
	})
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "udp", packets.LocalAddr().String())
	}}
}

func (s *nameserver) ServeDNS(w dns.ResponseWriter, r *dns.Msg) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q := r.Question[0]
	response := new(dns.Msg).SetReply(r)
	response.RecursionAvailable = true
	name := dns.CanonicalName(q.Name)
	s.heard = append(s.heard, name)
	lookUps, known := s.zone[name]
	switch {
	case s.silent[name]:
		return
	case s.broken[name]:
		response.Rcode = dns.RcodeServerFailure
	case !known:
		response.Rcode = dns.RcodeNameError
	default:
		key := question{name, q.Qtype}
		n := min(s.asked[key], len(lookUps)-1)
		s.asked[key]++
		for _, addr := range lookUps[n] {
			header := dns.RR_Header{Name: q.Name, Rrtype: q.Qtype, Class: dns.ClassINET} // no TTL
			switch {
			case q.Qtype == dns.TypeA && addr.Is4():
				response.Answer = append(response.Answer, &dns.A{Hdr: header, A: addr.AsSlice()})
			case q.Qtype == dns.TypeAAAA && addr.Is6():
				response.Answer = append(response.Answer, &dns.AAAA{Hdr: header, AAAA: addr.AsSlice()})
			}
		}
	}
	_ = w.WriteMsg(response)
}
