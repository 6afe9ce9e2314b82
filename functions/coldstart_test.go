package functions_test

import (
	"cmp"
	"debug/buildinfo"
	"encoding/pem"
	"fmt"
	"maps"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hookline/hookline/internal/test/emulator"
	"github.com/hookline/hookline/pkg/webhook"
)

// BenchmarkColdStart measures how long functions take to give their first
// answer under the Lambda emulator, from the request to the answer: the
// program starts in between. A bare function is the yardstick; each register
// function refuses a request, once without a token and once, after looking the
// token up, for its URL; the publish function refuses one without events. All
// are measured in turn in each round, so that they meet the same machine. Each
// answers once more, warm, which tells what DynamoDB Local and the emulator take
// of it:
//
//	go test ./functions -run '^$' -bench ColdStart -benchtime 31x
func BenchmarkColdStart(b *testing.B) {
	s, samples := newStack(b), readSamples(b)
	yardstick := &scenario{name: "bare", program: bare(b), event: readSample(b, "squake-register/no-token"), status: 204}
	eventKeys := []*scenario{yardstick}
	for _, name := range []string{
		"squake-register/no-token", "squake-register/bad-url", "shoptet-register/no-token", "shoptet-register/bad-fields",
		"abbeycross-register/no-token", "abbeycross-register/bad-url", "publish/no-events",
	} {
		folder, _, _ := strings.Cut(name, "/")
		api, _, _ := strings.Cut(folder, "-")
		env := s.environment(b, emulator.ResourceName(folder))
		env["HOOKLINE_QUEUE_URL"], env["HOOKLINE_SLOW_QUEUE_URL"] = queueURL, slowQueueURL
		eventKeys = append(eventKeys, &scenario{
			name: name, program: emulator.Program(b, emulator.ResourceName(folder)), env: env, status: samples[name],
			event: s.newCustomer(b, webhook.API(api)).fill(readSample(b, name)),
		})
	}
	eventKeys = append(eventKeys, overTLS(b, s, eventKeys)...)
	slices.SortStableFunc(eventKeys[1:], func(x, y *scenario) int { return cmp.Compare(x.name, y.name) })
	for b.Loop() {
		for _, eventKey := range eventKeys {
			eventKey.measure(b)
		}
	}
	b.ReportMetric(0, "ns/op")
	var report strings.Builder
	for _, eventKey := range eventKeys {
		fmt.Fprintf(&report, "%-32s %6.2f ms, %.2f × bare (least %6.2f ms, %.2f ×; of the pairs %.2f); warm %5.2f ms\n",
			eventKey.name, median(eventKey.took), median(eventKey.took)/median(yardstick.took),
			slices.Min(eventKey.took), slices.Min(eventKey.took)/slices.Min(yardstick.took),
			median(eventKey.ratios(yardstick)), median(eventKey.warm))
	}
	b.Logf("%d rounds\n%s", len(yardstick.took), &report)
}

// overTLS gives the Squake function's subjects once more, with DynamoDB behind
// TLS as on AWS, where a start waits for the handshake.
func overTLS(b *testing.B, s *stack, plain []*scenario) []*scenario {
	b.Helper()
	target, err := url.Parse(s.endpoint)
	if err != nil {
		b.Fatal(err)
	}
	server := httptest.NewTLSServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }})
	b.Cleanup(server.Close)
	certificate := certificateFile(b, server)
	var tls []*scenario
	for _, p := range plain {
		if !strings.HasPrefix(p.name, "squake") {
			continue
		}
		over := *p
		over.name, over.env = p.name+" over TLS", maps.Clone(p.env)
		over.env["AWS_ENDPOINT_URL_DYNAMODB"], over.env["SSL_CERT_FILE"] = server.URL, certificate
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
	took, warm    []float64 // milliseconds, of the first answer and the second
}

func (s *scenario) measure(b *testing.B) {
	b.Helper()
	f := emulator.Start(b, s.program, s.env)
	defer f.Stop()
	for _, took := range []*[]float64{&s.took, &s.warm} {
		start := time.Now()
		response, err := f.Invoke(b.Context(), s.event)
		*took = append(*took, float64(time.Since(start).Microseconds())/1000)
		if got := parseResponse(b, response, err); got.StatusCode != s.status {
			b.Fatalf("%s answers %s, want status %d\n%s", s.name, response, s.status, f.Output())
		}
	}
}

func (s *scenario) ratios(to *scenario) []float64 {
	ratios := make([]float64, len(s.took))
	for i := range ratios {
		ratios[i] = s.took[i] / to.took[i]
	}
	return ratios
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
