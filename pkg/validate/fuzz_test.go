package validate_test

import (
	"errors"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/hookline/hookline/pkg/validate"
	"github.com/hookline/hookline/pkg/webhook"
)

// FuzzURL holds every result to what the package promises: it does not
// panic, checks the same twice, accepts no less under a laxer policy, and
// accepts only what an independent check accepts.
func FuzzURL(f *testing.F) {
	if seeds, err := os.ReadDir("testdata/fuzz/FuzzURL"); err != nil || len(seeds) < 50 {
		f.Fatalf("%d committed seeds, %v, want 50 at least", len(seeds), err)
	}
	for _, raw := range good {
		f.Add(raw, uint16(0))
	}
	for _, urls := range bad {
		for _, raw := range urls {
			f.Add(raw, uint16(8443))
		}
	}
	f.Fuzz(func(t *testing.T, raw string, port uint16) {
		var ports []uint16
		if port != 0 {
			ports = []uint16{443, port}
		}
		strict := validate.URLPolicy{Ports: ports}
		http := validate.URLPolicy{Ports: ports, AllowHTTP: true}
		private := validate.URLPolicy{Ports: ports, AllowPrivate: true}
		both := validate.URLPolicy{Ports: ports, AllowHTTP: true, AllowPrivate: true}
		for _, p := range []validate.URLPolicy{strict, http, private, both} {
			checkTwice(t, p, raw)
		}
		for _, laxer := range [][2]validate.URLPolicy{{strict, http}, {strict, private}, {http, both}, {private, both}} {
			if laxer[0].URL(raw) == nil && laxer[1].URL(raw) != nil {
				t.Errorf("%.300q: accepted by %+v and not by %+v", raw, laxer[0], laxer[1])
			}
		}
		checkASCII(t, both, raw)
	})
}

// checkTwice checks raw twice and compares with the independent check.
func checkTwice(t *testing.T, p validate.URLPolicy, raw string) {
	t.Helper()
	err := p.URL(raw)
	if got, again := reasonOf(t, err), reasonOf(t, p.URL(raw)); got != again {
		t.Errorf("%.300q under %+v: first %.300q, then %.300q", raw, p, got, again)
	}
	if err != nil {
		if !errors.Is(err, webhook.ErrInvalid) || !strings.HasPrefix(err.Error(), "must ") || len(err.Error()) > 100 {
			t.Errorf("%.300q under %+v: unfit error %.300q", raw, p, err)
		}
		return
	}
	if err := acceptable(p, raw); err != nil {
		t.Errorf("%.300q under %+v is accepted, although: %v", raw, p, err)
	}
}

// checkASCII holds that the ASCII form exists exactly for what the laxest
// policy accepts, is checked like the URL it is made of, and passes net/url
// unchanged.
func checkASCII(t *testing.T, laxest validate.URLPolicy, raw string) {
	t.Helper()
	ascii, err := validate.ASCII(raw)
	if want := laxest.URL(raw); reasonOf(t, err) != reasonOf(t, want) {
		t.Fatalf("ASCII(%.300q) = %v, want %v", raw, err, want)
	}
	if err != nil {
		return
	}
	if i := strings.IndexFunc(ascii, func(c rune) bool { return c <= ' ' || c >= 0x7f }); i >= 0 {
		t.Errorf("ASCII(%.300q) = %.300q holds what is not printable ASCII", raw, ascii)
	}
	// Encoding makes a URL longer: beyond the limit it cannot be checked again.
	if len(ascii) <= validate.MaxURL {
		if again, err := validate.ASCII(ascii); err != nil || again != ascii {
			t.Errorf("ASCII(%.300q) = %.300q, %v, want it unchanged", ascii, again, err)
		}
		public := validate.URLPolicy{AllowHTTP: true}
		if got, want := reasonOf(t, public.URL(ascii)), reasonOf(t, public.URL(raw)); got != want {
			t.Errorf("%.300q gives %.300q, its ASCII form %.300q %.300q", raw, want, ascii, got)
		}
	}
	u, err := url.Parse(ascii)
	if err != nil {
		t.Fatalf("ASCII(%.300q) = %.300q does not parse: %v", raw, ascii, err)
	}
	origin := u.Scheme + "://" + u.Host
	target := strings.TrimPrefix(ascii, origin)
	if !strings.HasPrefix(target, "/") {
		target = "/" + target
	}
	if !strings.HasPrefix(ascii, origin) || u.RequestURI() != target || u.User != nil || u.Fragment != "" {
		t.Errorf("ASCII(%.300q) = %.300q, but net/url reads %#v and requests %.300q", raw, ascii, u, u.RequestURI())
	}
}

// acceptable is the independent check: it shares no code with the package,
// takes the URL apart with the expression of RFC 3986, appendix B, reads IPv4
// as inet_aton does, and checks addresses by the predicates of net/netip.
func acceptable(p validate.URLPolicy, raw string) error {
	if err := acceptableString(raw); err != nil {
		return err
	}
	parts := rfc3986.FindStringSubmatch(raw)
	scheme, path := strings.ToLower(parts[1]), parts[3]
	if scheme != "https" && (scheme != "http" || !p.AllowHTTP) {
		return errors.New("scheme")
	}
	if invalidEncoding.MatchString(path) {
		return errors.New("percent encoding in the path")
	}
	authority := authorityParts.FindStringSubmatch(parts[2])
	if authority == nil {
		return errors.New("authority")
	}
	port := map[string]int{"http": 80, "https": 443}[scheme]
	if digits := strings.TrimLeft(authority[3], "0"); authority[3] != "" {
		n, err := strconv.Atoi(digits)
		if err != nil || n > 65535 {
			return errors.New("port")
		}
		port = n
	}
	if !p.AllowPrivate && p.Ports != nil && !slices.Contains(p.Ports, uint16(port)) {
		return errors.New("port not allowed")
	}
	if authority[1] != "" {
		return acceptableIPv6(authority[1], p.AllowPrivate)
	}
	return acceptableName(authority[2], p.AllowPrivate)
}
