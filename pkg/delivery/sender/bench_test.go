package sender_test

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"syscall"
	"testing"
	"time"
)

// quick is a receiver that costs as little as one can: it looks for the end of
// the body and answers with bytes made before.
func quick(tb testing.TB) (url string) {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				r := bufio.NewReader(c)
				for {
					if _, err := r.ReadSlice('}'); err != nil {
						return
					}
					if _, err := io.WriteString(c, okay); err != nil {
						return
					}
				}
			}()
		}
	}()
	return "http://" + l.Addr().String() + "/hook"
}

// bare is what a program writes that has net/http and no cares.
func bare(tb testing.TB, url string) func() {
	client := &http.Client{Timeout: timeout, Transport: &http.Transport{MaxIdleConnsPerHost: maxWorkers}}
	tb.Cleanup(client.CloseIdleConnections)
	return func() {
		r, err := http.NewRequestWithContext(context.Background(), http.MethodPost, url, bytes.NewReader([]byte(`{"a":1}`)))
		if err != nil {
			tb.Error(err)
			return
		}
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("webhook-id", "1")
		a, err := client.Do(r)
		if err != nil {
			tb.Error(err)
			return
		}
		_, _ = io.Copy(io.Discard, a.Body)
		a.Body.Close()
	}
}

const maxWorkers = 256

func guarded(tb testing.TB, url string) func() {
	c := newClient(tb, open())
	return func() {
		if a := c.Send(context.Background(), request(url)); a.Status != 200 {
			tb.Errorf("got %+v", a)
		}
	}
}

// BenchmarkAttempt measures an attempt on loopback beside a bare http.Client
// in the same run. cpu-µs/op is of the whole process, the receiver included,
// and so shows more than an attempt costs.
func BenchmarkAttempt(b *testing.B) {
	for name, client := range map[string]func(testing.TB, string) func(){"bare": bare, "guarded": guarded} {
		b.Run(name, func(b *testing.B) {
			attempt := client(b, quick(b))
			attempt()
			b.ReportAllocs()
			began := cpu(b)
			b.SetParallelism(8)
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					attempt()
				}
			})
			b.ReportMetric(float64((cpu(b)-began).Microseconds())/float64(b.N), "cpu-µs/op")
		})
	}
}

// cpu is the time that the process has used.
func cpu(tb testing.TB) time.Duration {
	tb.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		tb.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// TestOverhead holds that an attempt allocates little more than a bare client.
func TestOverhead(t *testing.T) {
	count := func(client func(testing.TB, string) func()) float64 {
		attempt := client(t, quick(t))
		attempt()
		return testing.AllocsPerRun(200, attempt)
	}
	if got, limit := count(guarded), count(bare)+30; got > limit {
		t.Errorf("%.0f allocations an attempt, want at most %.0f", got, limit)
	}
}
