package sender

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"
)

// TestDialsAreBounded opens as many connections as one sending may have, and
// one more. What it fails with makes the attempt send again, with a count of
// its own, and says what is true if that does not help.
func TestDialsAreBounded(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c, attempt := New(Config{AllowPrivate: true}), newTry(t.Context(), time.Minute)
	dial := func(ctx context.Context) error {
		conn, err := c.dial(ctx, "tcp", l.Addr().String())
		if err == nil {
			conn.Close()
		}
		return err
	}
	first := attempt.trace(t.Context())
	for n := range maxDials {
		if err := dial(first); err != nil {
			t.Errorf("connection %d: got %v", n+1, err)
		}
	}
	err = dial(first)
	if !errors.Is(err, errUnprocessed) || !attempt.repeatable(err) || attempt.reason(err) != reasonClosed {
		t.Errorf("one too many: got %v, %q", err, attempt.reason(err))
	}
	if err := dial(attempt.trace(t.Context())); err != nil {
		t.Errorf("sent again: got %v", err)
	}
}
