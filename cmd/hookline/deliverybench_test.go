package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/hookline/hookline/pkg/webhook"
)

// arrivals is a receiver of benchEvents: when each was published and came.
type arrivals struct {
	*httptest.Server

	published []atomic.Int64 // by number, in nanoseconds; 0 before
	waits     []atomic.Int64 // until it came; 0 before
	count     atomic.Int64   // events that came, each once
	all       chan struct{}  // closed when as many came as are expected
	expected  int64
}

func newArrivals(b *testing.B, expected int) *arrivals {
	b.Helper()
	a := &arrivals{}
	a.reset(expected)
	a.Server = httptest.NewServer(a)
	b.Cleanup(a.Close)
	return a
}

// reset forgets what came, and expects as many anew.
func (a *arrivals) reset(expected int) {
	a.published, a.waits = make([]atomic.Int64, expected+1), make([]atomic.Int64, expected+1)
	a.count.Store(0)
	a.all, a.expected = make(chan struct{}), int64(expected)
}

// ServeHTTP takes a delivery: {"data":"<digits>"}.
func (a *arrivals) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	now := time.Now().UnixNano()
	text, err := io.ReadAll(r.Body)
	digits := strings.TrimSuffix(strings.TrimPrefix(string(text), `{"data":"`), `"}`)
	n, numberErr := strconv.Atoi(digits)
	if err != nil || numberErr != nil || n >= len(a.waits) {
		panic(http.ErrAbortHandler) // none of ours: the benchmark will miss it
	}
	if a.waits[n].CompareAndSwap(0, max(now-a.published[n].Load(), 1)) && a.count.Add(1) == a.expected {
		close(a.all)
	}
}

// wait returns when all have come.
func (a *arrivals) wait(b *testing.B) {
	b.Helper()
	select {
	case <-a.all:
	case <-time.After(timeout):
		b.Fatalf("%d of %d events have come", a.count.Load(), a.expected)
	}
}

// histogram is of the waits in microseconds.
func (a *arrivals) histogram() *hdrhistogram.Histogram {
	h := hdrhistogram.New(1, time.Minute.Microseconds(), 3)
	for i := range a.waits {
		if wait := a.waits[i].Load(); wait > 0 {
			_ = h.RecordValue(wait / 1000) // up to a minute
		}
	}
	return h
}

// reportQuantiles reports the median and the slowest hundredth.
func reportQuantiles(b *testing.B, h *hdrhistogram.Histogram, of string) {
	b.Helper()
	b.ReportMetric(float64(h.ValueAtQuantile(50))/1000, of+"p50-ms")
	b.ReportMetric(float64(h.ValueAtQuantile(99))/1000, of+"p99-ms")
}

// benchServer is a server of the real program in a process of its own, which
// logs to a file, with a publisher's token.
type benchServer struct {
	*child
	publisher string
}

func newBenchServer(b *testing.B, data string) *benchServer {
	b.Helper()
	log, err := os.Create(filepath.Join(b.TempDir(), "log"))
	if err != nil {
		b.Fatal(err)
	}
	s := &benchServer{child: spawnTo(b, log, data, "--dev")}
	s.stop = sync.OnceValue(func() error {
		s.signal(b, os.Interrupt)
		return errors.Join(s.wait(b), log.Close())
	})
	b.Cleanup(func() {
		if err := s.stop(); err != nil {
			b.Errorf("serve ended with %v", err)
		}
	})
	s.publisher = cli(b, "token", "create", "--operator", "--data", data)
	return s
}

// registered registers a URL for Squake's orders in an account of its own.
func (s *benchServer) registered(b *testing.B, account, url string) {
	b.Helper()
	cli(b, "account", "create", account, "--data", s.data)
	token := cli(b, "token", "create", "--account", account, "--data", s.data)
	status, err := post(b.Context(), newClient(b), s.URL+"/v2/webhooks", `{"kind":"order","endpoint_url":"`+url+`"}`,
		"Authorization: Bearer "+token, "Content-Type: application/json")
	if err != nil || status != http.StatusCreated {
		b.Fatalf("register: %d, %v", status, err)
	}
}

// publishing is the request that publishes events of one account, one of which
// has digits for its payload.
func (s *benchServer) publishing(account string) benchRequest {
	return benchRequest{
		path: "/events", token: s.publisher, want: http.StatusAccepted,
		body: `{"events":[{"account":"` + account + `","event":"order","payload":"` + benchDigits + `"}]}`,
	}
}

// publishingSome publishes several events, whose digits are the number of the
// first, and each has a digit of its own behind them.
func (s *benchServer) publishingSome(account string, together int) benchRequest {
	request := s.publishing(account)
	if together == 1 {
		return request
	}
	var events []string
	for i := range together {
		events = append(events, `{"account":"`+account+`","event":"order","payload":"`+benchDigits+strconv.Itoa(i)+`"}`)
	}
	request.body = `{"events":[` + strings.Join(events, ",") + `]}`
	return request
}

const publishInterval = time.Second / 50

// pace publishes n events, 50 a second whatever becomes of them, over the
// client's connection.
func pace(b *testing.B, a *arrivals, c *benchClient, n int) {
	b.Helper()
	ticker := time.NewTicker(publishInterval)
	defer ticker.Stop()
	for i := range n {
		<-ticker.C
		a.published[i].Store(time.Now().UnixNano())
		if err := c.sendNumber(i); err != nil {
			b.Fatal(err)
		}
	}
	a.wait(b)
}

// BenchmarkPublishReceive measures how long after it is published, at 50 a
// second, an event arrives: with nothing else stored, and with 500,000 other
// webhooks. Its yardsticks are a bare HTTP server that stores and signs nothing
// and hands it on, and the disk: what a write of a few pages and its sync take.
func BenchmarkPublishReceive(b *testing.B) {
	for _, others := range []int{0, 500_000} {
		b.Run("others="+strconv.Itoa(others), func(b *testing.B) {
			data := b.TempDir()
			storeOthers(b, data, others)
			s := newBenchServer(b, data)
			a := newArrivals(b, b.N)
			s.registered(b, "squake:paced", a.URL)
			b.ResetTimer()
			pace(b, a, newBenchClient(b, s.URL, s.publishing("squake:paced")), b.N)
			b.StopTimer()
			reportQuantiles(b, a.histogram(), "")
		})
	}
	b.Run("relay", func(b *testing.B) {
		a := newArrivals(b, b.N)
		relay := newRelay(b, a.URL)
		b.ResetTimer()
		pace(b, a, newBenchClient(b, relay, relayed), b.N)
		b.StopTimer()
		reportQuantiles(b, a.histogram(), "")
	})
	b.Run("sync", benchSync)
}

// benchSync writes and syncs three pages, 50 times a second.
func benchSync(b *testing.B) {
	file, err := os.Create(filepath.Join(b.TempDir(), "log"))
	if err != nil {
		b.Fatal(err)
	}
	defer file.Close()
	waits := hdrhistogram.New(1, time.Minute.Microseconds(), 3)
	pages := make([]byte, 3*4096)
	ticker := time.NewTicker(publishInterval)
	defer ticker.Stop()
	b.ResetTimer()
	for range b.N {
		<-ticker.C
		begin := time.Now()
		_, err := file.Write(pages)
		if err := errors.Join(err, file.Sync()); err != nil {
			b.Fatal(err)
		}
		_ = waits.RecordValue(time.Since(begin).Microseconds()) // up to a minute
	}
	b.StopTimer()
	reportQuantiles(b, waits, "")
}

// storeOthers stores webhooks of other accounts.
func storeOthers(b *testing.B, data string, n int) {
	b.Helper()
	cli(b, "account", "create", "squake:first", "--data", data) // makes the data
	s := openData(b, data)
	sealed := make([]byte, 250)
	const workers = 64
	var all sync.WaitGroup
	for w := range workers {
		all.Go(func() {
			for i := w; i < n; i += workers {
				_, err := s.Create(b.Context(), webhook.Creation{Webhooks: []webhook.Webhook{{
					Account: webhook.Account{API: "squake", ID: fmt.Sprintf("other-%d", i)},
					Event:   "order", ID: fmt.Sprintf("0197b2f0-0000-7000-8000-%012d", i), RequestID: strconv.Itoa(i),
					URL: "https://receiver.example/hooks/in/0123456789", SealedKey: sealed, Version: 1, CreatedAt: time.Now(),
				}}})
				if err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
}

// relayed is what a relay hands on.
var relayed = benchRequest{path: "/", body: `{"data":"` + benchDigits + `"}`, want: http.StatusAccepted}

// newRelay sends each body on, and then answers that it has.
func newRelay(b *testing.B, to string) (url string) {
	b.Helper()
	client := newClient(b)
	relay := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		if _, err := post(r.Context(), client, to, string(text)); err != nil {
			panic(http.ErrAbortHandler)
		}
		w.WriteHeader(http.StatusAccepted)
		_, _ = io.WriteString(w, "{}")
	}))
	b.Cleanup(relay.Close)
	return relay.URL
}

// BenchmarkDeliveries measures deliveries a second from end to end: 16
// publishers as fast as they are answered, each for an account of its own, one
// event a request and ten, until the last has come. As a yardstick the same
// number then goes through a relay that stores and signs nothing.
func BenchmarkDeliveries(b *testing.B) {
	for _, together := range []int{1, 10} {
		b.Run("together="+strconv.Itoa(together), func(b *testing.B) { benchDeliveries(b, together) })
	}
}

func benchDeliveries(b *testing.B, together int) {
	s := newBenchServer(b, b.TempDir())
	a := newArrivals(b, (b.N+together-1)/together*together)
	var clients []*benchClient
	for i := range benchClients {
		account := fmt.Sprintf("squake:flood-%d", i)
		s.registered(b, account, a.URL)
		clients = append(clients, newBenchClient(b, s.URL, s.publishingSome(account, together)))
	}
	b.ResetTimer()
	rate := flood(b, a, clients, together)
	b.StopTimer()
	b.ReportMetric(rate, "deliveries/s")
	reportQuantiles(b, a.histogram(), "arrival-")
	b.ReportMetric(s.peakMemory(b), "server-MiB")
	b.ReportMetric(float64(s.processorTime(b).Microseconds())/float64(a.expected), "server-µs/delivery")

	bare := newArrivals(b, b.N)
	relay := newRelay(b, bare.URL)
	clients = nil
	for range benchClients {
		clients = append(clients, newBenchClient(b, relay, relayed))
	}
	b.ReportMetric(rate/flood(b, bare, clients, 1), "of-relay")
}

// flood lets the clients publish what is expected, some events a request, and
// gives how many arrived a second.
func flood(b *testing.B, a *arrivals, clients []*benchClient, together int) (perSecond float64) {
	b.Helper()
	var next atomic.Int64
	var publishers sync.WaitGroup
	begin := time.Now()
	for _, c := range clients {
		publishers.Go(func() {
			for first := next.Add(1) - 1; first*int64(together) < a.expected && c.failed == nil; first = next.Add(1) - 1 {
				now := time.Now().UnixNano()
				for i := range together {
					a.published[int(first)*together+i].Store(now)
				}
				c.failed = c.sendNumber(int(first))
			}
		})
	}
	publishers.Wait()
	for _, c := range clients {
		if c.failed != nil {
			b.Fatal(c.failed)
		}
	}
	a.wait(b)
	return float64(a.expected) / time.Since(begin).Seconds()
}

// processorTime is how long the process has had a processor (proc_pid_stat(5)).
func (s *benchServer) processorTime(b *testing.B) time.Duration {
	b.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.process.Pid))
	if err != nil {
		return 0 // not Linux
	}
	const user, system, tick = 11, 12, time.Second / 100 // as fields behind the name
	_, behind, _ := strings.Cut(string(text), ") ")
	fields := strings.Fields(behind)
	var sum time.Duration
	for _, field := range []int{user, system} {
		ticks, err := strconv.Atoi(fields[field])
		if err != nil {
			b.Fatal(err)
		}
		sum += time.Duration(ticks) * tick
	}
	return sum
}

// peakMemory is the most that the process has had in memory, in MiB.
func (s *benchServer) peakMemory(b *testing.B) float64 {
	b.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.process.Pid))
	if err != nil {
		return 0 // not Linux
	}
	for line := range strings.Lines(string(text)) {
		if value, found := strings.CutPrefix(line, "VmHWM:"); found {
			kib, err := strconv.Atoi(strings.Fields(value)[0])
			if err != nil {
				b.Fatal(err)
			}
			return float64(kib) / 1024
		}
	}
	return 0
}

// BenchmarkHealthyBesideHanging measures how long events take to a healthy
// receiver, 50 a second, beside webhooks whose receiver never answers and that
// have never been attempted before, and compares it with the same receiver
// alone in the same run. With restart the server was restarted in between, and
// then has the hanging ones' backlog and remembers nothing.
func BenchmarkHealthyBesideHanging(b *testing.B) {
	for _, bb := range []struct {
		accounts, each int
		restart        bool
	}{{50, 1, false}, {4, 500, false}, {4, 500, true}} {
		b.Run(fmt.Sprintf("accounts=%d/each=%d/restart=%t", bb.accounts, bb.each, bb.restart), func(b *testing.B) {
			s := newBenchServer(b, b.TempDir())
			healthy := newArrivals(b, b.N)
			s.registered(b, "squake:healthy", healthy.URL)
			b.ResetTimer()
			pace(b, healthy, newBenchClient(b, s.URL, s.publishing("squake:healthy")), b.N)
			alone := healthy.histogram()

			b.StopTimer()
			s.burden(b, bb.accounts, bb.each)
			if bb.restart {
				if err := s.stop(); err != nil {
					b.Fatal(err)
				}
				s = newBenchServer(b, s.data)
			}
			healthy.reset(b.N)
			b.StartTimer()
			pace(b, healthy, newBenchClient(b, s.URL, s.publishing("squake:healthy")), b.N)
			b.StopTimer()
			reportQuantiles(b, healthy.histogram(), "")
			for _, q := range []float64{50, 99} {
				ratio := float64(healthy.histogram().ValueAtQuantile(q)) / float64(alone.ValueAtQuantile(q))
				b.ReportMetric(ratio, fmt.Sprintf("p%.0f-of-alone", q))
			}
		})
	}
}

// burden publishes an event to each of many new webhooks whose receiver never
// answers.
func (s *benchServer) burden(b *testing.B, accounts, each int) {
	b.Helper()
	release := make(chan struct{})
	hang := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	b.Cleanup(func() { close(release); hang.Close() })
	client := newClient(b)
	send := func(path, token string, want int, body string) {
		status, err := post(b.Context(), client, s.URL+path, body, "Authorization: Bearer "+token, "Content-Type: application/json")
		if err != nil || status != want {
			b.Fatalf("POST %s: %d, %v", path, status, err)
		}
	}
	for a := range accounts {
		account := fmt.Sprintf("abbeycross:hanging-%d", a)
		cli(b, "account", "create", account, "--data", s.data)
		token := cli(b, "token", "create", "--account", account, "--data", s.data)
		for first := 0; first < each; first += 50 {
			var names, events []string
			for i := first; i < min(first+50, each); i++ {
				names = append(names, fmt.Sprintf(`"hang.%d"`, i))
				events = append(events, fmt.Sprintf(`{"account":%q,"event":"hang.%d","payload":{}}`, account, i))
			}
			send("/v1/webhooks/register", token, http.StatusCreated, `{"url":"`+hang.URL+`","events":[`+strings.Join(names, ",")+`]}`)
			send("/events", s.publisher, http.StatusAccepted, `{"events":[`+strings.Join(events, ",")+`]}`)
		}
	}
}
