package sender_test

import (
	"testing"
	"time"

	"golang.org/x/net/http2"

	"github.com/hookline/hookline/pkg/delivery"
)

// TestHTTP2FloodOfPings has a receiver ask for more than the system's buffers
// hold of what it never reads, until nothing can be written to it. The attempt
// ends in its time, and the connection soon after.
func TestHTTP2FloodOfPings(t *testing.T) {
	flooded := make(chan int, 1)
	url, cfg, _ := framed(t, nil, func(_, _ int64, f *http2.Framer, s uint32) bool {
		writeHeaders(f, s, false, ":status", "200")
		_ = f.WriteData(s, false, make([]byte, 4000))
		pings := 0
		for f.WritePing(false, [8]byte{}) == nil {
			pings++
		}
		flooded <- pings
		return false
	})
	q := request(url)
	q.Timeout = 200 * time.Millisecond
	want := delivery.Response{Status: 200}
	if got := send(t, newClient(t, cfg), q); got != want {
		t.Errorf("got %+v", got)
	}
	if n := await(t, flooded); n < 1000 {
		t.Errorf("%d pings: that was no flood", n)
	}
}
