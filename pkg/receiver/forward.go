package receiver

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

const (
	// ForwardTimeout is how long an app may take for its whole response.
	ForwardTimeout = 30 * time.Second
	// maxAppHeader is the maximum size in bytes of the header of its response.
	maxAppHeader = 64 << 10
)

// Forwarder passes deliveries on to an app, unchanged.
type Forwarder struct {
	url  string
	http *http.Client
	now  func() time.Time
}

// NewForwarder returns a forwarder to one URL, http or https. Neither proxies
// nor redirects are followed.
func NewForwarder(to string, now func() time.Time) (*Forwarder, error) {
	target, err := url.Parse(to)
	if err != nil || target.Host == "" || target.Scheme != "http" && target.Scheme != "https" {
		return nil, fmt.Errorf("%q is not a URL such as http://localhost:3000/hooks", to)
	}
	if target.User != nil || target.Fragment != "" {
		return nil, errors.New("the URL must have no user and no fragment")
	}
	return &Forwarder{url: target.String(), now: now, http: &http.Client{
		Timeout:       ForwardTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			DisableCompression: true, // bodies stay as they are
			// An app that was restarted has none of its old connections, and a POST
			// is not repeated over another.
			DisableKeepAlives:      true,
			MaxResponseHeaderBytes: maxAppHeader,
		},
	}}, nil
}

// Forwarded is what came of passing a delivery on.
type Forwarded struct {
	URL string
	// Error says why there is no response of the app's.
	Error    error
	Duration time.Duration

	header http.Header
	body   []byte
}

// response passes a delivery on if it is verified, and returns the app's
// response. That of a delivery that is not verified is 401, and 502 if the app
// gives none.
func (f *Forwarder) response(ctx context.Context, d Delivery) Response {
	if len(d.Errors()) > 0 {
		return Response{Status: http.StatusUnauthorized, Unverified: true}
	}
	began := f.now()
	result := &Forwarded{URL: f.url}
	status, err := f.send(ctx, d, result)
	if result.Duration = f.now().Sub(began); err != nil {
		result.Error, result.header, result.body = err, nil, nil
		status = http.StatusBadGateway
	}
	return Response{Status: status, Forwarded: result}
}

// send makes the request and reads the response into result.
func (f *Forwarder) send(ctx context.Context, d Delivery, result *Forwarded) (status int, err error) {
	r, err := http.NewRequestWithContext(ctx, d.Method, f.url, bytes.NewReader(d.Body))
	if err != nil {
		return 0, err
	}
	r.Header = endToEnd(d.Header)
	if len(r.Header["User-Agent"]) == 0 {
		r.Header.Set("User-Agent", "") // none, rather than Go's
	}
	response, err := f.http.Do(r)
	if err != nil {
		return 0, reason(err)
	}
	defer response.Body.Close()
	if response.StatusCode < 200 {
		return 0, fmt.Errorf("the app answered with status %d", response.StatusCode)
	}
	result.header = endToEnd(response.Header)
	result.body, err = io.ReadAll(io.LimitReader(response.Body, MaxBody+1))
	switch {
	case err != nil:
		return 0, reason(err)
	case len(result.body) > MaxBody:
		return 0, errors.New("the app's response is larger than 1 MiB")
	}
	return response.StatusCode, nil
}

// reason returns an error of a request without the method and URL.
func reason(err error) error {
	wrapped, ok := errors.AsType[*url.Error](err)
	switch {
	case errors.Is(err, context.Canceled):
		return errors.New("the sender hung up, or hookline listen was stopped")
	case ok && wrapped.Timeout():
		return fmt.Errorf("no response within %v", ForwardTimeout)
	case ok:
		return wrapped.Err
	}
	return err
}

// write sends the app's response as it came.
func (f *Forwarded) write(w http.ResponseWriter, status int) {
	if f.Error != nil {
		say(w, status, "hookline listen could not pass the delivery on.")
		return
	}
	header := w.Header()
	for name, values := range f.header {
		header[name] = values
	}
	if _, typed := header["Content-Type"]; !typed {
		header["Content-Type"] = nil // none, rather than a guess
	}
	w.WriteHeader(status)
	_, _ = w.Write(f.body) // ignore a sender that has hung up
}

// hopByHop are the headers of a connection rather than of a message (RFC 9110,
// section 7.6.1), and the length, which is set anew.
var hopByHop = []string{
	"Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization", "Proxy-Connection", "Te", "Trailer",
	"Transfer-Encoding", "Upgrade", "Content-Length",
}

// endToEnd returns the headers that are passed on.
func endToEnd(header http.Header) http.Header {
	dropped := slices.Clone(hopByHop)
	for _, value := range header["Connection"] {
		for name := range strings.SplitSeq(value, ",") {
			dropped = append(dropped, http.CanonicalHeaderKey(strings.TrimSpace(name)))
		}
	}
	passed := header.Clone()
	for _, name := range dropped {
		delete(passed, name)
	}
	return passed
}
