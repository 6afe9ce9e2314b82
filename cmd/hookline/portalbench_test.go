package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// portalClients is how many requests of the portal are made at once, each on a
// connection and in a session of its own.
const portalClients = 50

// burstInterval is the time from one burst of requests to the next.
const burstInterval = 200 * time.Millisecond

// BenchmarkPortal measures how long the portal's pages take, 50 requests at once:
// the webhooks of accounts with a thousand deliveries today and more, the list of
// these, and one of them. They are asked for while the server does nothing else,
// and while it delivers as fast as it can for the same accounts, on the same
// processors. The yardstick is a bare HTTP server beside the same load, whose page
// is as long and costs nothing.
func BenchmarkPortal(b *testing.B) {
	s := newBenchServer(b, b.TempDir())
	l := newPortalLoad(b, s)
	var browsers, bare []*benchClient
	longest := 0
	for i := range portalClients {
		path, cookie := s.enter(b, l.accounts[i%len(l.accounts)], i)
		browsers = append(browsers, newBrowser(b, s.URL, path, cookie))
		longest = max(longest, len(s.page(b, path, cookie)))
	}
	page := make([]byte, longest)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", strconv.Itoa(len(page)))
		_, _ = w.Write(page) // the client sees what is missing
	}))
	b.Cleanup(server.Close)
	for range portalClients {
		bare = append(bare, newBrowser(b, server.URL, "/", ""))
	}
	b.ResetTimer()
	alone := bursts(b, browsers)
	stop := l.start(b)
	beside := bursts(b, browsers)
	yardstick := bursts(b, bare)
	delivered := stop()
	b.StopTimer()
	reportQuantiles(b, beside, "")
	b.ReportMetric(delivered, "deliveries/s")
	b.ReportMetric(float64(longest), "page-bytes")
	for _, q := range []float64{50, 99} {
		got := float64(beside.ValueAtQuantile(q))
		b.ReportMetric(got/float64(alone.ValueAtQuantile(q)), fmt.Sprintf("p%.0f-of-alone", q))
		b.ReportMetric(got/float64(yardstick.ValueAtQuantile(q)), fmt.Sprintf("p%.0f-of-bare", q))
	}
}

// bursts lets all clients send a request at the same moment, b.N times, and gives
// how long they waited.
func bursts(b *testing.B, clients []*benchClient) *hdrhistogram.Histogram {
	b.Helper()
	for _, c := range clients {
		c.waits.Reset()
	}
	ticker := time.NewTicker(burstInterval)
	defer ticker.Stop()
	for range b.N {
		<-ticker.C
		var all sync.WaitGroup
		for _, c := range clients {
			all.Go(func() {
				begin := time.Now()
				c.failed = c.send()
				_ = c.waits.RecordValue(time.Since(begin).Microseconds()) // up to a minute
			})
		}
		all.Wait()
	}
	waits := hdrhistogram.New(1, time.Minute.Microseconds(), 3)
	for _, c := range clients {
		if c.failed != nil {
			b.Fatal(c.failed)
		}
		waits.Merge(c.waits)
	}
	return waits
}

// newBrowser returns a client that asks for one page.
func newBrowser(b *testing.B, server, path, cookie string) *benchClient {
	b.Helper()
	c := newBenchClient(b, server, benchRequest{want: http.StatusOK})
	c.request = fmt.Appendf(nil, "GET %s HTTP/1.1\r\nHost: localhost\r\nCookie: %s\r\n\r\n", path, cookie)
	if err := c.send(); err != nil {
		b.Fatal(err)
	}
	c.waits.Reset()
	return c
}

// enter begins a session of an account, and returns its cookie and the nth of the
// pages.
func (s *benchServer) enter(b *testing.B, account string, n int) (path, cookie string) {
	b.Helper()
	link, err := url.Parse(cli(b, "portal", "open", "--account", account, "--data", s.data))
	if err != nil {
		b.Fatal(err)
	}
	client := newClient(b)
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	response, err := client.PostForm(s.URL+"/portal/enter", link.Query())
	if err != nil {
		b.Fatal(err)
	}
	_ = response.Body.Close()
	if len(response.Cookies()) != 1 {
		b.Fatalf("enter: %s", response.Status)
	}
	cookie = response.Cookies()[0].Name + "=" + response.Cookies()[0].Value
	one := regexp.MustCompile(`/portal/deliveries/[0-9a-f]+`).Find(s.page(b, "/portal/deliveries", cookie))
	return []string{"/portal/webhooks", "/portal/deliveries", string(one)}[n%3], cookie
}

// page returns a page of the portal.
func (s *benchServer) page(b *testing.B, path, cookie string) []byte {
	b.Helper()
	r, err := http.NewRequestWithContext(b.Context(), http.MethodGet, s.URL+path, nil)
	if err != nil {
		b.Fatal(err)
	}
	r.Header.Set("Cookie", cookie)
	response, err := newClient(b).Do(r)
	if err != nil {
		b.Fatal(err)
	}
	defer response.Body.Close()
	page, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		b.Fatalf("%s: %s, %v", path, response.Status, err)
	}
	return page
}

// portalLoad publishes to accounts whose portal is looked at.
type portalLoad struct {
	server   *benchServer
	accounts []string
	arrived  atomic.Int64 // deliveries
}

// portalBefore is how many requests with ten events each account has had before.
const portalBefore = 100

func newPortalLoad(b *testing.B, s *benchServer) *portalLoad {
	b.Helper()
	l := &portalLoad{server: s}
	ready := make(chan struct{})
	receiver := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		if l.arrived.Add(1) == benchClients*portalBefore*10 {
			close(ready)
		}
	}))
	b.Cleanup(receiver.Close)
	for i := range benchClients {
		l.accounts = append(l.accounts, fmt.Sprintf("squake:portal-%d", i))
		s.registered(b, l.accounts[i], receiver.URL)
	}
	l.publish(b, 10, func(n int) bool { return n < portalBefore })()
	select {
	case <-ready:
	case <-time.After(timeout):
		b.Fatalf("%d deliveries have come", l.arrived.Load())
	}
	return l
}

// publish lets a publisher for each account publish some events a request, as fast
// as it is answered, as long as more says of the requests so far. It returns what
// waits for them.
func (l *portalLoad) publish(b *testing.B, together int, more func(requests int) bool) (wait func()) {
	b.Helper()
	var all sync.WaitGroup
	for _, account := range l.accounts {
		c := newBenchClient(b, l.server.URL, l.server.publishingSome(account, together))
		all.Go(func() {
			for n := 0; more(n) && c.failed == nil; n++ {
				c.failed = c.send()
			}
			if c.failed != nil {
				b.Error(c.failed)
			}
		})
	}
	return all.Wait
}

// start publishes as fast as it is answered. stop ends that, and returns how many
// deliveries a second arrived.
func (l *portalLoad) start(b *testing.B) (stop func() (perSecond float64)) {
	b.Helper()
	var over atomic.Bool
	wait := l.publish(b, 1, func(int) bool { return !over.Load() })
	begin, before := time.Now(), l.arrived.Load()
	return func() float64 {
		rate := float64(l.arrived.Load()-before) / time.Since(begin).Seconds()
		over.Store(true)
		wait()
		return rate
	}
}
