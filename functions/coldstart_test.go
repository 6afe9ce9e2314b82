package functions_test

import (
	"cmp"
	"debug/buildinfo"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hookline/hookline/internal/test/emulator"
	"github.com/hookline/hookline/internal/test/gatewaytest"
	"github.com/hookline/hookline/pkg/portal/access"
	"github.com/hookline/hookline/pkg/webhook"
)

// BenchmarkColdStart measures how long functions take to give their first
// answer under the Lambda emulator, from the request to the answer: the
// program starts in between. A bare function is the yardstick; each register
// function refuses a request, once without a token and once, after looking the
// token up, for its URL; the publish function refuses one without events; the
// portal shows a page without a session, and that of a link, which it looks up.
// All are measured in turn in each round, so that they meet the same machine. A
// proxy measures what DynamoDB Local, warmed up, takes for the one read.
//
//	go test ./functions -run '^$' -bench ColdStart -benchtime 101x
func BenchmarkColdStart(b *testing.B) {
	s, samples := newStack(b), readSamples(b)
	d := newProxiedDatabase(b, s.endpoint)
	yardstick := &scenario{name: "bare", program: bare(b), event: readSample(b, "squake-register/no-token"), status: 204}
	scenarios := []*scenario{yardstick}
	for _, name := range []string{
		"squake-register/no-token", "squake-register/bad-url", "shoptet-register/no-token", "shoptet-register/bad-fields",
		"abbeycross-register/no-token", "abbeycross-register/bad-url", "publish/no-events", "portal/no-session", "portal-operator/no-session",
	} {
		folder, _, _ := strings.Cut(name, "/")
		api, _, _ := strings.Cut(folder, "-")
		env := s.environment(b, emulator.ResourceName(folder))
		env["AWS_ENDPOINT_URL_DYNAMODB"] = d.plain
		env["HOOKLINE_QUEUE_URL"], env["HOOKLINE_SLOW_QUEUE_URL"] = queueURL, slowQueueURL
		scenarios = append(scenarios, &scenario{
			name: name, program: emulator.Program(b, emulator.ResourceName(folder)), env: env, status: samples[name],
			event: s.newCustomer(b, webhook.API(api)).fill(readSample(b, name)),
		})
	}
	pages := slices.IndexFunc(scenarios, func(s *scenario) bool { return s.name == "portal/no-session" })
	scenarios = append(scenarios, linkScenario(b, s, scenarios[pages]))
	scenarios = append(scenarios, d.overTLS(scenarios)...)
	slices.SortStableFunc(scenarios[1:], func(x, y *scenario) int { return cmp.Compare(x.name, y.name) })
	s.warm(b, 5000)
	for b.Loop() {
		for _, tt := range scenarios {
			tt.measure(b, d)
		}
	}
	b.ReportMetric(0, "ns/op")
	var report strings.Builder
	for _, tt := range scenarios {
		of := func(took []float64) string {
			return fmt.Sprintf("%6.2f ms, %.2f × bare (least %6.2f ms, %.2f ×)",
				median(took), median(took)/median(yardstick.took), slices.Min(took), slices.Min(took)/slices.Min(yardstick.took))
		}
		fmt.Fprintf(&report, "%-32s %s; without DynamoDB Local %s\n", tt.name, of(tt.took), of(tt.own))
	}
	_, _ = fmt.Fprintf(os.Stdout, "%d rounds\n%s", len(yardstick.took), &report) // b.Log would cut it off
}

// warm makes so many reads. A Java program that has just started takes twice as
// long for one.
func (s *stack) warm(b *testing.B, reads int) {
	b.Helper()
	for range reads {
		if _, err := s.store.Token(b.Context(), webhook.TokenHash{}); !errors.Is(err, webhook.ErrNotFound) {
			b.Fatal(err)
		}
	}
}

// linkScenario is like another one of the portal, but for the page of a link that
// is good.
func linkScenario(b *testing.B, s *stack, like *scenario) *scenario {
	b.Helper()
	secret, _, err := access.NewLinks(s.store, s.keys, time.Now).Create(b.Context(), access.Grant{
		Account: s.newCustomer(b, "squake").account, Rights: webhook.AllRights, Link: access.MaxLink, Session: access.DefaultSession,
	})
	if err != nil {
		b.Fatal(err)
	}
	event, err := json.Marshal(gatewaytest.Event(httptest.NewRequest(http.MethodGet, access.EnterURL("", secret), http.NoBody), ""))
	if err != nil {
		b.Fatal(err)
	}
	link := *like
	link.name, link.event, link.status = "portal/link", event, http.StatusOK
	return &link
}

// proxiedDatabase is a DynamoDB whose answers are timed.
type proxiedDatabase struct {
	plain, tls, certificate string
	took                    atomic.Int64 // nanoseconds, since it was last set to zero
}

func newProxiedDatabase(b *testing.B, endpoint string) *proxiedDatabase {
	b.Helper()
	target, err := url.Parse(endpoint)
	if err != nil {
		b.Fatal(err)
	}
	d := &proxiedDatabase{}
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }, Transport: d}
	plain, tls := httptest.NewServer(proxy), httptest.NewTLSServer(proxy)
	b.Cleanup(plain.Close)
	b.Cleanup(tls.Close)
	d.plain, d.tls, d.certificate = plain.URL, tls.URL, certificateFile(b, tls)
	return d
}

// RoundTrip forwards a request.
func (d *proxiedDatabase) RoundTrip(r *http.Request) (*http.Response, error) {
	start := time.Now()
	defer func() { d.took.Add(int64(time.Since(start))) }()
	return http.DefaultTransport.RoundTrip(r)
}

// overTLS gives the Squake function's scenarios once more, with DynamoDB behind
// TLS as on AWS, where a start waits for the handshake.
func (d *proxiedDatabase) overTLS(plain []*scenario) []*scenario {
	var tls []*scenario
	for _, p := range plain {
		if !strings.HasPrefix(p.name, "squake") {
			continue
		}
		over := *p
		over.name, over.env = p.name+" over TLS", maps.Clone(p.env)
		over.env["AWS_ENDPOINT_URL_DYNAMODB"], over.env["SSL_CERT_FILE"] = d.tls, d.certificate
		tls = append(tls, &over)
	}
	return tls
}

// certificateFile writes a server's certificate for those who are to trust it.
func certificateFile(tb testing.TB, server *httptest.Server) string {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), "ca.pem")
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(path, block, 0o600); err != nil {
		tb.Fatal(err)
	}
	return path
}

// scenario is a function and the request it is measured with.
type scenario struct {
	name, program string
	env           map[string]string
	event         []byte
	status        int
	// took are milliseconds, own those without what DynamoDB took of them.
	took, own []float64
}

func (s *scenario) measure(b *testing.B, d *proxiedDatabase) {
	b.Helper()
	f := emulator.Start(b, s.program, s.env)
	defer f.Stop()
	d.took.Store(0)
	start := time.Now()
	response, err := f.Invoke(b.Context(), s.event)
	took := time.Since(start)
	own := took - time.Duration(d.took.Load())
	if got := parseResponse(b, response, err); got.StatusCode != s.status {
		b.Fatalf("%s answers %s, want status %d\n%s", s.name, response, s.status, f.Output())
	}
	s.took = append(s.took, float64(took.Microseconds())/1000)
	s.own = append(s.own, float64(own.Microseconds())/1000)
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return (sorted[(len(sorted)-1)/2] + sorted[len(sorted)/2]) / 2
}

// bare builds the yardstick as the register functions were built.
func bare(b *testing.B) string {
	b.Helper()
	built, err := buildinfo.ReadFile(emulator.Program(b, "SquakeRegister"))
	if err != nil {
		b.Fatal(err)
	}
	tags := ""
	for _, setting := range built.Settings {
		if setting.Key == "-tags" {
			tags = setting.Value
		}
	}
	program := filepath.Join(b.TempDir(), "bootstrap")
	build := exec.CommandContext(b.Context(), "go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-s", "-tags="+tags, "-o", program, "./internal/bare")
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=")
	if out, err := build.CombinedOutput(); err != nil {
		b.Fatalf("build: %v\n%s", err, out)
	}
	return program
}
