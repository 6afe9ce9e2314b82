package sender

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

// stuck is a body that cannot be closed: HTTP/2 gives the receiver word of what
// was not read, and waits while nothing can be written to it.
type stuck struct {
	io.Reader
	done chan struct{}
}

func (s stuck) Close() error {
	<-s.done
	return nil
}

// TestClosingTakesNoTime holds that an attempt does not wait for the closing of
// a body that was not read to its end.
func TestClosingTakesNoTime(t *testing.T) {
	done := make(chan struct{})
	defer close(done)
	for _, status := range []int{101, 200, 500} {
		body := stuck{strings.NewReader(strings.Repeat("x", maxBody+1)), done}
		drain(&http.Response{StatusCode: status, Body: body})
	}
}
