package sender

import (
	"io"
	"net/http"
	"testing"
)

// endless is a body without an end that cannot be closed: HTTP/2 gives the
// receiver word of what was not read, and waits while nothing can be written to
// it. Whoever reads far more than there is to read gets an error.
type endless struct {
	read int
	done chan struct{}
}

func (b *endless) Read(p []byte) (int, error) {
	if b.read > 2*maxBody {
		return 0, io.ErrUnexpectedEOF
	}
	b.read += len(p)
	return len(p), nil
}

func (b *endless) Close() error {
	<-b.done
	return nil
}

// TestDrain holds that no more is read of a body than the limit, nothing of what
// another protocol follows, and that an attempt does not wait for the closing of
// a body that was not read to its end.
func TestDrain(t *testing.T) {
	done := make(chan struct{})
	defer close(done)
	for status, want := range map[int]int{101: 0, 200: maxBody, 500: maxBody} {
		body := &endless{done: done}
		drain(&http.Response{StatusCode: status, Body: body})
		if body.read != want {
			t.Errorf("%d: read %d bytes, want %d", status, body.read, want)
		}
	}
}
