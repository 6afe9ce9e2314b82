package main

import (
	"crypto/tls"
	"net/http"
	"testing"
)

func TestForwarded(t *testing.T) {
	t.Parallel()
	trusted := []string{"10.0.0.0/8", "127.0.0.1", "fd00::/8"}
	const for4, proto, rfc = "X-Forwarded-For", "X-Forwarded-Proto", "Forwarded"
	for name, c := range map[string]struct {
		peer, by string
		tls      bool
		header   http.Header
		client   string
		secure   bool
	}{
		"no proxy":             {"9.9.9.9:1", "", false, nil, "9.9.9.9", false},
		"no proxy, TLS":        {"[2001:db8::1]:1", "", true, nil, "2001:db8::1", true},
		"quoted separators":    {"10.0.0.1:1", "forwarded", false, http.Header{rfc: {`proto=http;for=203.0.113.9;host="a,for=6.6.6.6;proto=https;b"`}}, "203.0.113.9", false},
		"quoted quotes":        {"10.0.0.1:1", "forwarded", false, http.Header{rfc: {`for=203.0.113.9;host="a\",for=6.6.6.6;proto=https;x=\"b"`}}, "203.0.113.9", false},
		"open quotes":          {"10.0.0.1:1", "forwarded", false, http.Header{rfc: {`for=203.0.113.9;host="a`, `b";for=6.6.6.6;proto=https`}}, "10.0.0.1", false},
		"proxy that is silent": {"127.0.0.1:1", "", false, nil, "127.0.0.1", false},
		"stranger":             {"9.9.9.9:1", "", false, http.Header{for4: {"8.8.8.8"}, proto: {"https"}}, "9.9.9.9", false},
		"proxy":                {"127.0.0.1:1", "", false, http.Header{for4: {"8.8.8.8"}, proto: {"https"}}, "8.8.8.8", true},
		"mapped":               {"[::ffff:127.0.0.1]:1", "", false, http.Header{for4: {"::ffff:8.8.8.8"}, proto: {"HTTPS"}}, "8.8.8.8", true},
		"forged by a client":   {"127.0.0.1:1", "", false, http.Header{for4: {"1.1.1.1, 8.8.8.8"}}, "8.8.8.8", false},
		"forged by lines":      {"127.0.0.1:1", "", false, http.Header{for4: {"1.1.1.1", "8.8.8.8"}}, "8.8.8.8", false},
		"forged as a proxy":    {"127.0.0.1:1", "", false, http.Header{for4: {"1.1.1.1, 10.0.0.1, 8.8.8.8"}}, "8.8.8.8", false},
		"forged scheme":        {"127.0.0.1:1", "", false, http.Header{for4: {"8.8.8.8"}, proto: {"https, http"}}, "8.8.8.8", false},
		"two proxies":          {"127.0.0.1:1", "", false, http.Header{for4: {"1.1.1.1, 8.8.8.8, 10.0.0.1"}, proto: {"https"}}, "8.8.8.8", true},
		"only proxies":         {"127.0.0.1:1", "", false, http.Header{for4: {"10.0.0.2, 10.0.0.1"}}, "10.0.0.2", false},
		"with ports":           {"127.0.0.1:1", "", false, http.Header{for4: {"8.8.8.8:55, [fd00::1]:44"}}, "8.8.8.8", false},
		"scheme alone":         {"127.0.0.1:1", "", false, http.Header{proto: {"https"}}, "127.0.0.1", true},
		"nonsense":             {"127.0.0.1:1", "", false, http.Header{for4: {"8.8.8.8, <script>"}, proto: {"ftp"}}, "127.0.0.1", false},
		"zone":                 {"127.0.0.1:1", "", false, http.Header{for4: {"fe80::1%<script>"}}, "fe80::1", false},
		"the other header":     {"127.0.0.1:1", "", false, http.Header{rfc: {"for=8.8.8.8;proto=https"}}, "127.0.0.1", false},
		"Forwarded":            {"127.0.0.1:1", "forwarded", false, http.Header{rfc: {`for=1.1.1.1, FOR="[2001:db8::2]:4711";Proto=https;by=10.0.0.9`}, for4: {"6.6.6.6"}}, "2001:db8::2", true},
		"Forwarded, hidden":    {"127.0.0.1:1", "forwarded", false, http.Header{rfc: {`for=1.1.1.1, for=_hidden;proto=https`}}, "127.0.0.1", true},
		"Forwarded, two":       {"127.0.0.1:1", "forwarded", false, http.Header{rfc: {"for=8.8.8.8;proto=https", "for=10.0.0.1;proto=http"}}, "8.8.8.8", true},
		"no address":           {"@", "", false, http.Header{for4: {"8.8.8.8"}}, "", false},
	} {
		flags := proxyFlags{Header: c.by}
		for _, text := range trusted {
			var network proxyNetwork
			if err := network.UnmarshalText([]byte(text)); err != nil {
				t.Fatal(err)
			}
			flags.Trusted = append(flags.Trusted, network)
		}
		r := &http.Request{RemoteAddr: c.peer, Header: c.header}
		if c.tls {
			r.TLS = new(tls.ConnectionState)
		}
		if got, secure := flags.client(r), flags.secure(r); got != c.client || secure != c.secure {
			t.Errorf("%s: %q, secure %v; want %q, %v", name, got, secure, c.client, c.secure)
		}
		if got := (proxyFlags{}).client(r); c.client != "" && got == "8.8.8.8" {
			t.Errorf("%s: believed without a trusted proxy", name)
		}
	}
	for _, text := range []string{"", "10.0.0.0/33", "proxy", "fe80::1%eth0", "::ffff:10.0.0.0/104"} {
		if err := new(proxyNetwork).UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q is taken for a network", text)
		}
	}
}

// The log has the client's address, and not what a stranger says it is.
func TestClientIsLogged(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		flags []string
		want  string
	}{
		{nil, `"client":"127.0.0.1"`},
		{[]string{"--trusted-proxy", "127.0.0.0/8"}, `"client":"8.8.8.8"`},
		{[]string{"--trusted-proxy", "10.0.0.0/8,192.0.2.1"}, `"client":"127.0.0.1"`},
	} {
		s := boot(t, t.TempDir(), c.flags...)
		for i, path := range []string{"/nothing", "/portal/nothing"} {
			mustRespond(t, http.StatusNotFound, "GET", s.URL+path, "", "X-Forwarded-For: 1.1.1.1, 8.8.8.8")
			contains(t, nthRequest(t, s, i), c.want)
		}
	}
}
