package sender_test

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/hookline/hookline/pkg/delivery"
	"github.com/hookline/hookline/pkg/delivery/sender"
)

// secured is a server with TLS, whose certificate is for example.com, and a
// configuration of a client that trusts it and finds that name.
func secured(t *testing.T, setUp func(*httptest.Server)) (*httptest.Server, sender.Config) {
	t.Helper()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Proto", r.Proto)
	}))
	server.EnableHTTP2 = true
	server.Config.ErrorLog = nothing()
	if setUp != nil {
		setUp(server)
	}
	server.StartTLS()
	t.Cleanup(server.Close)
	names := newNameserver()
	loopback := []netip.Addr{netip.MustParseAddr("127.0.0.1")}
	for _, name := range []string{"example.com", "other.test"} {
		names.add(name, loopback)
	}
	cfg := open()
	cfg.AllowHTTP = false
	cfg.Resolver = names.resolver(t)
	cfg.Roots = x509.NewCertPool()
	cfg.Roots.AddCert(server.Certificate())
	return server, cfg
}

func port(l net.Listener) string {
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

func TestCertificates(t *testing.T) {
	server, good := secured(t, nil)
	at := func(year int) func() time.Time {
		return func() time.Time { return time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC) }
	}
	for name, test := range map[string]struct {
		host   string
		change func(*sender.Config)
		want   string
	}{
		"good":              {"example.com", func(*sender.Config) {}, ""},
		"upper case":        {"EXAMPLE.com", func(*sender.Config) {}, ""},
		"with a dot":        {"example.com.", func(*sender.Config) {}, ""},
		"address":           {"127.0.0.1", func(*sender.Config) {}, ""},
		"other host":        {"other.test", func(*sender.Config) {}, "certificate is for another host"},
		"unknown authority": {"example.com", func(c *sender.Config) { c.Roots = x509.NewCertPool() }, "certificate is not trusted"},
		"system's roots":    {"example.com", func(c *sender.Config) { c.Roots = nil }, "certificate is not trusted"},
		"expired":           {"example.com", func(c *sender.Config) { c.Now = at(2500) }, expired},
		"not yet":           {"example.com", func(c *sender.Config) { c.Now = at(1960) }, expired},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := good
			test.change(&cfg)
			c := newClient(t, cfg)
			got := send(t, c, request("https://"+test.host+":"+port(server.Listener)+"/"+query))
			if got.Reason != test.want {
				t.Errorf("got %+v, want %q", got, test.want)
			}
		})
	}
}

func TestHandshakes(t *testing.T) {
	const head = "HTTP/1.1 400 " + marker + "\r\n\r\n"
	for name, serve := range map[string]func(net.Conn){
		"plain HTTP":  func(c net.Conn) { _, _ = io.WriteString(c, head); hold(c) },
		"SSH":         func(c net.Conn) { _, _ = io.WriteString(c, "SSH-2.0-"+marker+"\r\n"); hold(c) },
		"closed":      func(c net.Conn) { _, _ = io.ReadFull(c, make([]byte, 5)) },
		"reset":       func(c net.Conn) { _ = c.(*net.TCPConn).SetLinger(0) },
		"alert":       func(c net.Conn) { _, _ = c.Write([]byte{21, 3, 3, 0, 2, 2, 40}); hold(c) },
		"bad message": func(c net.Conn) { _, _ = c.Write([]byte{22, 3, 3, 0, 4, 9, 0, 0, 0}); hold(c) },
		"old version": func(c net.Conn) {
			_ = tls.Server(c, &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}).Handshake()
		},
		"no certificate": func(c net.Conn) { _ = tls.Server(c, &tls.Config{}).Handshake() },
	} {
		t.Run(name, func(t *testing.T) {
			r := newReceiver(t, "tcp", "127.0.0.1:0", func(_ int64, c net.Conn) {
				if name != "closed" && name != "old version" && name != "no certificate" {
					_, _ = bufio.NewReader(c).Peek(1)
				}
				serve(c)
			})
			if got := send(t, newClient(t, open()), request(r.url("https"))); got != (delivery.Response{Reason: "TLS handshake failed"}) {
				t.Errorf("got %+v", got)
			}
		})
	}
}

func TestTLSWhereHTTPIsMeant(t *testing.T) {
	server, cfg := secured(t, nil)
	cfg.AllowHTTP = true
	got := send(t, newClient(t, cfg), request("http://example.com:"+port(server.Listener)+"/"))
	if got.Reason != "answered 400" { // Go's server is so polite
		t.Errorf("got %+v", got)
	}
}

// TestClientCertificate meets receivers that ask for a certificate, of which
// TLS 1.3 has some say only after the handshake that they need one. Attempts
// beside each other may get the connections that others dialled.
func TestClientCertificate(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		for _, proto := range []string{"http/1.1", "h2"} {
			for auth, want := range map[tls.ClientAuthType]string{
				tls.RequestClientCert:    "",
				tls.RequireAnyClientCert: "receiver asks for a client certificate",
			} {
				t.Run(fmt.Sprint(tls.VersionName(version), " ", proto, " ", auth), func(t *testing.T) {
					server, cfg := secured(t, func(s *httptest.Server) {
						s.EnableHTTP2 = proto == "h2"
						s.TLS = &tls.Config{ClientAuth: auth, MaxVersion: version}
					})
					c := newClient(t, cfg)
					var wait sync.WaitGroup
					for range 8 {
						wait.Go(func() {
							if got := send(t, c, request("https://example.com:"+port(server.Listener)+"/")); got.Reason != want {
								t.Errorf("got %+v, want %q", got, want)
							}
						})
					}
					wait.Wait()
				})
			}
		}
	}
}
