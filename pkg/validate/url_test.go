package validate_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/hookline/hookline/pkg/validate"
	"github.com/hookline/hookline/pkg/webhook"
)

// reasonOf gives the reason of an error, 0 for none.
func reasonOf(t *testing.T, err error) validate.Reason {
	t.Helper()
	if err == nil {
		return 0
	}
	var invalid *validate.Error
	if !errors.As(err, &invalid) || invalid.Reason == 0 {
		t.Fatalf("error %v (%T) is no Fault with a reason", err, err)
	}
	return invalid.Reason
}

func TestURLGood(t *testing.T) {
	policy := validate.URLPolicy{AllowHTTP: true}
	for _, raw := range good {
		if err := policy.URL(raw); err != nil {
			t.Errorf("URL(%q) = %v, want nil", raw, err)
		}
	}
}

func TestURLBad(t *testing.T) {
	public := validate.URLPolicy{AllowHTTP: true}
	private := validate.URLPolicy{AllowHTTP: true, AllowPrivate: true}
	for want, urls := range bad {
		for _, raw := range urls {
			err := public.URL(raw)
			if got := reasonOf(t, err); got != want {
				t.Errorf("URL(%.80q) = %q, want %q", raw, got, want)
			}
			if err != nil && err.Error() != want.String() {
				t.Errorf("URL(%.80q) says %q, want %q", raw, err, want)
			}
			// What is no question of the target is refused in development too.
			wantPrivate := want
			if want == validate.PrivateAddress {
				wantPrivate = 0
			}
			if got := reasonOf(t, private.URL(raw)); got != wantPrivate {
				t.Errorf("with private targets: URL(%.80q) = %q, want %q", raw, got, wantPrivate)
			}
		}
	}
}

func TestURLPolicy(t *testing.T) {
	shoptet := []uint16{80, 443, 8080, 8443}
	for _, tt := range []struct {
		policy validate.URLPolicy
		url    string
		want   validate.Reason
		text   string
	}{
		{policy: validate.URLPolicy{}, url: "https://example.com/"},
		{policy: validate.URLPolicy{}, url: "http://example.com/", want: validate.PlainHTTP, text: "must be an https URL"},
		{policy: validate.URLPolicy{AllowPrivate: true}, url: "http://127.0.0.1/", want: validate.PlainHTTP, text: "must be an https URL"},
		{policy: validate.URLPolicy{}, url: "ftp://example.com/", want: validate.OtherScheme, text: "must be an https URL"},
		{policy: validate.URLPolicy{AllowHTTP: true}, url: "ftp://example.com/", want: validate.OtherScheme, text: "must be an http or https URL"},
		{policy: validate.URLPolicy{Ports: shoptet}, url: "https://example.com/"},
		{policy: validate.URLPolicy{Ports: shoptet}, url: "https://example.com:/"},
		{policy: validate.URLPolicy{Ports: shoptet}, url: "https://example.com:80/"},
		{policy: validate.URLPolicy{Ports: shoptet}, url: "https://example.com:08443/"},
		{policy: validate.URLPolicy{Ports: shoptet}, url: "https://[2606:4700::1111]:8080/"},
		{policy: validate.URLPolicy{Ports: shoptet}, url: "https://example.com:8081/", want: validate.PortNotAllowed, text: "must use one of the ports 80, 443, 8080, 8443"},
		{policy: validate.URLPolicy{Ports: shoptet, AllowPrivate: true}, url: "https://example.com:8081/"},
		{policy: validate.URLPolicy{Ports: shoptet, AllowPrivate: true}, url: "https://example.com:0/", want: validate.BadPort, text: "must have a port from 1 to 65535, or none"},
		{policy: validate.URLPolicy{Ports: shoptet, AllowNetworks: networks(t, "10.20.0.0/16")}, url: "https://10.20.1.2:8443/"},
		{policy: validate.URLPolicy{Ports: shoptet, AllowNetworks: networks(t, "10.20.0.0/16")}, url: "https://10.20.1.2:8081/", want: validate.PortNotAllowed, text: "must use one of the ports 80, 443, 8080, 8443"},
		{policy: validate.URLPolicy{AllowNetworks: networks(t, "10.20.0.0/16")}, url: "https://10.21.1.2/", want: validate.PrivateAddress, text: validate.PrivateAddress.String()},
		{policy: validate.URLPolicy{AllowNetworks: networks(t, "128.0.0.0/1")}, url: "https://169.254.169.254/", want: validate.PrivateAddress, text: validate.PrivateAddress.String()},
		{policy: validate.URLPolicy{AllowNetworks: networks(t, "127.0.0.0/8")}, url: "https://localhost/", want: validate.PrivateAddress, text: validate.PrivateAddress.String()},
		{policy: validate.URLPolicy{Ports: []uint16{8443}}, url: "https://example.com/", want: validate.PortNotAllowed, text: "must use port 8443"},
		{policy: validate.URLPolicy{Ports: []uint16{443}}, url: "https://example.com:1/", want: validate.PortNotAllowed, text: "must use port 443"},
		{policy: validate.URLPolicy{Ports: []uint16{443}, AllowHTTP: true}, url: "http://example.com/", want: validate.PortNotAllowed, text: "must use port 443"},
		{policy: validate.URLPolicy{Ports: []uint16{80}, AllowHTTP: true}, url: "http://example.com/"},
		{policy: validate.URLPolicy{Ports: []uint16{}}, url: "https://example.com/", want: validate.PortNotAllowed, text: "must use an allowed port"},
	} {
		err := tt.policy.URL(tt.url)
		if got := reasonOf(t, err); got != tt.want {
			t.Errorf("%+v.URL(%q) = %v, want %q", tt.policy, tt.url, err, tt.want)
		}
		if err != nil && err.Error() != tt.text {
			t.Errorf("%+v.URL(%q) says %q, want %q", tt.policy, tt.url, err, tt.text)
		}
	}
}

// TestReasons holds that every reason has a test, and words of its own fit
// for a customer.
func TestReasons(t *testing.T) {
	seen := map[string]validate.Reason{}
	for reason := validate.TooLong; reason <= validate.BadEventName; reason++ {
		text := reason.String()
		if !strings.HasPrefix(text, "must ") || strings.HasSuffix(text, ".") || len(text) > 80 {
			t.Errorf("reason %d says %q", reason, text)
		}
		if other, ok := seen[text]; ok {
			t.Errorf("reasons %d and %d both say %q", other, reason, text)
		}
		seen[text] = reason
		checkedElsewhere := reason == validate.PlainHTTP || reason == validate.PortNotAllowed || reason == validate.BadEventName
		if !checkedElsewhere && len(bad[reason]) < 5 {
			t.Errorf("%q has %d bad URLs, want 5 at least", text, len(bad[reason]))
		}
	}
	if err := (validate.URLPolicy{}).URL(""); !errors.Is(err, webhook.ErrInvalid) || errors.Is(err, webhook.ErrTaken) {
		t.Errorf("a Fault does not match ErrInvalid alone: %v", err)
	}
}

func TestASCII(t *testing.T) {
	for raw, want := range map[string]string{
		"HTTPS://Example.COM":                "https://example.com",
		"https://example.com:/x":             "https://example.com/x",
		"https://example.com:00443/":         "https://example.com:443/",
		"https://example.com.:443/":          "https://example.com.:443/",
		"https://ex%61mple%2ecom/%61":        "https://example.com/%61",
		"https://bücher.example/ü?ä=\"%zz\"": "https://xn--bcher-kva.example/%C3%BC?%C3%A4=%22%zz%22",
		"https://例え。テスト/<>^`{|}[]":           "https://xn--r8jz45g.xn--zckzah/%3C%3E%5E%60%7B%7C%7D[]",
		"https://９３．１８４．２１６．３４./":            "https://93.184.216.34/",
		"http://[2606:4700:0::1111]:8080?x":  "http://[2606:4700::1111]:8080?x",
		"http://[::FFFF:127.0.0.1]//":        "http://[::ffff:127.0.0.1]//",
	} {
		got, err := validate.ASCII(raw)
		if err != nil || got != want {
			t.Errorf("ASCII(%q) = %q, %v, want %q", raw, got, err, want)
		}
	}
	for want, urls := range bad {
		if want == validate.PrivateAddress {
			continue
		}
		got, err := validate.ASCII(urls[0])
		if reasonOf(t, err) != want || got != "" {
			t.Errorf("ASCII(%.80q) = %q, %v, want %q", urls[0], got, err, want)
		}
	}
}
