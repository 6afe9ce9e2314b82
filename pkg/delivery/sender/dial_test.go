package sender

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"
)

// TestManyDialsPause opens as many connections for a request as it may have
// without a pause, and more: for one that has ended there is no other.
func TestManyDialsPause(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c, attempt := New(Config{AllowPrivate: true}), newTry(t.Context(), time.Minute)
	request, end := context.WithCancel(t.Context())
	ctx := context.WithoutCancel(attempt.trace(request)) // as net/http dials
	dial := func() error {
		conn, err := c.dial(ctx, "tcp", l.Addr().String())
		if err == nil {
			conn.Close()
		}
		return err
	}
	began := time.Now()
	for n := range maxDials + 3 {
		if err := dial(); err != nil {
			t.Errorf("connection %d: got %v", n+1, err)
		}
	}
	if took, least := time.Since(began), (1+2+4)*firstPause; took < least {
		t.Errorf("%d connections took %v, want %v at least", maxDials+3, took, least)
	}
	end()
	if err := dial(); !errors.Is(err, context.Canceled) {
		t.Errorf("for a request that has ended: got %v", err)
	}
}
