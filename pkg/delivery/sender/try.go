package sender

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"sync/atomic"
	"time"

	"golang.org/x/net/http/httpguts"

	"github.com/hookline/hookline/pkg/delivery"
)

// try is one attempt under way.
type try struct {
	timeout time.Duration
	// deadline is the end of timeout, or of the caller's context if that is
	// earlier; then it is not ours.
	deadline time.Time
	ours     bool
	// trail is what became of the connection it is made on.
	trail *trail
}

// trail is how far a request came. It is written by goroutines of net/http,
// which may outlive the request.
type trail struct {
	connected, reused, responded atomic.Bool
	// dialling is of the connection that the request is made on.
	dialling atomic.Pointer[dialling]
}

func newTry(ctx context.Context, timeout time.Duration) *try {
	t := &try{timeout: timeout, deadline: time.Now().Add(timeout), ours: true}
	if end, ok := ctx.Deadline(); ok && end.Before(t.deadline) {
		t.deadline, t.ours = end, false
	}
	return t
}

// trace gives a context that notes how far one request comes.
func (t *try) trace(ctx context.Context) context.Context {
	own := &dialling{deadline: t.deadline, over: ctx.Done()}
	ctx = context.WithValue(ctx, diallingKey{}, own)
	tr := &trail{}
	tr.dialling.Store(own)
	t.trail = tr
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(info httptrace.GotConnInfo) {
			tr.reused.Store(info.Reused)
			if d := diallingOf(info.Conn); d != nil { // another request may have dialled it
				tr.dialling.Store(d)
			}
			tr.connected.Store(true)
		},
		GotFirstResponseByte: func() { tr.responded.Store(true) },
	})
}

// repeatable reports whether a request that failed may be sent again: the
// receiver did not process it, or the connection had been kept too long, as far
// as can be told. Such a connection ends without a byte of an answer. A stream
// of HTTP/2 that the receiver reset is an answer of a kind.
func (t *try) repeatable(err error) bool {
	stale := t.trail.reused.Load() && !t.trail.responded.Load() && !streamReset(err)
	return stale || errors.Is(err, errUnprocessed)
}

// request builds what is sent. net/http must not send it again by itself, and
// as often as it likes: asked for the body once more, it gets an error, which
// also tells that it would have been safe to.
func (c *Client) request(ctx context.Context, recipient *url.URL, r delivery.Request) *http.Request {
	header := make(http.Header, len(r.Header)+1)
	for name, value := range r.Header {
		header[name] = []string{value} // Set would change the name's letter case
	}
	header["User-Agent"] = c.agent
	request := &http.Request{
		Method:        http.MethodPost,
		URL:           recipient,
		Host:          recipient.Host,
		Header:        header,
		ContentLength: int64(len(r.Body)),
	}
	if len(r.Body) > 0 {
		request.Body = io.NopCloser(bytes.NewReader(r.Body))
		request.GetBody = func() (io.ReadCloser, error) { return nil, errUnprocessed }
	}
	return request.WithContext(ctx)
}

// sendable reports whether HTTP can carry the headers, and none is among them
// that this package or net/http writes.
func sendable(header map[string]string) bool {
	for name, value := range header {
		if !httpguts.ValidHeaderFieldName(name) || !httpguts.ValidHeaderFieldValue(value) {
			return false
		}
		switch http.CanonicalHeaderKey(name) {
		case "Host", "User-Agent", "Content-Length", "Transfer-Encoding", "Trailer", "Te",
			"Connection", "Upgrade", "Expect", "Accept-Encoding":
			return false
		}
	}
	return true
}
