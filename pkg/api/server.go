package api

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/hookline/hookline/pkg/auth"
	"github.com/hookline/hookline/pkg/keygen"
	"github.com/hookline/hookline/pkg/webhook"
)

const (
	// MaxBody is the maximum size of a registration API's request body in bytes
	// (docs/contracts/README.md, Requests).
	MaxBody = 256 << 10
	// defaultDeadline bounds the work on one request (Setup.Deadline).
	defaultDeadline = 10 * time.Second
)

// Server serves all routes of one API. It checks requests in the order that the
// package comment gives, calls the route, and writes the response.
type Server struct {
	API    webhook.API
	Routes []Route
	// Refuse returns the response to an error in the API's shape. The error is
	// an [*Error], one that a route returned, or an internal error.
	Refuse func(r *Request, err error) Response
	// Credentials extracts the token from a request.
	Credentials auth.Scheme
	// MediaTypes are the accepted content types. ContentType is the one of all
	// responses.
	MediaTypes  []string
	ContentType string
	// Closed returns how long the API remains closed from now on. If nil, the
	// API is always open.
	Closed func(now time.Time) time.Duration
	// MaxBody is the maximum size of a body in bytes; 0 means the constant
	// MaxBody.
	MaxBody int64
	// Open turns off authentication, for a server whose callers are authorised
	// elsewhere.
	Open bool

	// The following fields come from the Setup.
	auth     *auth.Authenticator
	keys     *keygen.Generator
	now      func() time.Time
	log      *slog.Logger
	observer Observer

	deadline time.Duration
}

// Handler returns the server's handler.
func (d Server) Handler(s Setup) Handler {
	if s.Store == nil && !d.Open || s.Keys == nil || s.Now == nil || s.Log == nil {
		panic("api: a field of Setup is missing")
	}
	if !d.Open {
		d.auth = auth.New(auth.Config{Tokens: s.Store, API: d.API, Now: s.Now})
	}
	if d.MaxBody == 0 {
		d.MaxBody = MaxBody
	}
	d.keys, d.now, d.log, d.observer = s.Keys, s.Now, s.Log, s.Observer
	d.deadline = cmp.Or(s.Deadline, defaultDeadline)
	return &handler{server: d, Handler: newTable(d.Routes, d.serve)}
}

type handler struct {
	http.Handler
	server Server
}

func (e *handler) Fail(w http.ResponseWriter, r *http.Request, err error) {
	e.server.finish(w, &exchange{request: Request{Request: r}, started: e.server.now(), failed: err})
}

// exchange is a request while it is served.
type exchange struct {
	request Request
	started time.Time
	pattern string
	methods methods
	// failed is the error if the request could not be read.
	failed error
}

func (d Server) serve(w http.ResponseWriter, r *http.Request, pattern string, m methods) {
	d.finish(w, &exchange{request: Request{Request: r}, started: d.now(), pattern: pattern, methods: m})
}

// finish responds to a request, writes its log line and tells the observer.
func (d Server) finish(w http.ResponseWriter, v *exchange) {
	// A copy: with another Body in its own request net/http waits for one that a
	// client sends only when it is told to (Expect: 100-continue).
	r := v.request.WithContext(v.request.Context())
	r.Body = http.MaxBytesReader(w, r.Body, d.MaxBody)
	v.request.Request = r
	response, body, err := d.respond(v)
	drain(r)
	status := response.Status
	if writeErr := d.write(w, r, response, body); err == nil {
		err = writeErr
	}
	d.observer.Report(d.log, Entry{
		Observation: Observation{API: d.API, Request: v.request.Request, Route: v.pattern, Status: status, Duration: d.now().Sub(v.started)},
		RequestID:   v.request.ID, Account: v.request.Account.ID, Err: err,
	})
}

// respond checks the request, calls its route, and turns an error or a panic
// into the API's shape. body is the marshalled body of the response.
func (d Server) respond(v *exchange) (response Response, body []byte, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
			response = d.refuse(v, err)
			body = encode(response)
		}
	}()
	if v.request.ID, err = d.keys.UUID(); err == nil {
		response, err = d.dispatch(v)
	}
	if err != nil {
		response = d.refuse(v, err)
	}
	return response, encode(response), err
}

// encode marshals the body of a response. Invalid UTF-8 that a client sent,
// such as in a path, is replaced by U+FFFD.
func encode(response Response) []byte {
	if response.Body == nil {
		return nil
	}
	body, err := json.Marshal(response.Body, jsontext.AllowInvalidUTF8(true))
	if err != nil {
		panic(err)
	}
	return body
}

// refuse adds the header fields that HTTP requires to the API's own response.
func (d Server) refuse(v *exchange, err error) Response {
	response := d.Refuse(&v.request, err)
	var reqErr *Error
	if errors.As(err, &reqErr) && reqErr.Kind == WrongMethod {
		if response.Header == nil {
			response.Header = map[string]string{}
		}
		response.Header["Allow"] = v.methods.allow()
	}
	return response
}

// dispatch makes all checks up to the body's size. The route checks JSON and
// fields.
func (d Server) dispatch(v *exchange) (Response, error) {
	r := &v.request
	if v.failed != nil {
		return Response{}, v.failed
	}
	if v.methods == nil {
		return Response{}, &Error{Kind: UnknownPath, Value: r.URL.Path}
	}
	route, ok := v.methods.route(r.Method)
	if !ok {
		return Response{}, &Error{Kind: WrongMethod, Value: r.Method}
	}
	if d.Closed != nil {
		if wait := d.Closed(v.started); wait > 0 {
			return Response{}, &Error{Kind: Closed, Wait: wait}
		}
	}
	ctx, cancel := context.WithTimeout(r.Context(), d.deadline)
	defer cancel()
	if !d.Open {
		if err := d.authorise(ctx, r, route.Right); err != nil {
			return Response{}, err
		}
	}
	if route.Body {
		var err error
		if r.Content, err = d.readBody(r.Request); err != nil {
			return Response{}, err
		}
	}
	return route.Handle(ctx, r)
}

func (d Server) authorise(ctx context.Context, r *Request, right webhook.Rights) error {
	token, err := d.Credentials(r.Header)
	if err != nil {
		return tokenError(err)
	}
	principal, err := d.auth.Authenticate(ctx, token)
	if err != nil {
		return tokenError(err)
	}
	r.Account = principal.Account
	if !principal.Rights.Has(right) {
		return &Error{Kind: MissingRight}
	}
	return nil
}

func tokenError(err error) error {
	switch {
	case errors.Is(err, auth.ErrMissing):
		return &Error{Kind: MissingToken}
	case errors.Is(err, auth.ErrInvalid):
		return &Error{Kind: InvalidToken}
	case errors.Is(err, auth.ErrExpired):
		return &Error{Kind: ExpiredToken}
	}
	return err
}

// readBody checks the content type and size and reads the body.
func (d Server) readBody(r *http.Request) ([]byte, error) {
	sent := r.Header["Content-Type"]
	if len(sent) != 1 || !d.accepts(sent[0]) {
		reqErr := &Error{Kind: ContentType, Present: len(sent) > 0}
		if reqErr.Present {
			reqErr.Value = sent[0]
		}
		return nil, reqErr
	}
	if encoding, encoded := contentEncoding(r.Header); encoded {
		return nil, &Error{Kind: ContentEncoding, Value: encoding, Present: true}
	}
	// Without reading: a client that waits for 100 Continue is not told to send it.
	if r.ContentLength > d.MaxBody {
		return nil, &Error{Kind: TooLarge}
	}
	var body bytes.Buffer
	if r.ContentLength > 0 {
		body.Grow(int(r.ContentLength) + bytes.MinRead)
	}
	_, err := body.ReadFrom(r.Body)
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
		return nil, &Error{Kind: TooLarge}
	}
	if err != nil { // cut off, or broken framing: the client's error
		return nil, notJSON("could not be read to its end")
	}
	return body.Bytes(), nil
}

// contentEncoding returns the Content-Encoding of a request, and whether it says
// that the body is anything but what it is (RFC 9110, section 8.4.1).
func contentEncoding(header http.Header) (encoding string, encoded bool) {
	encoding = strings.Join(header["Content-Encoding"], ", ")
	for coding := range strings.SplitSeq(encoding, ",") {
		if coding = strings.TrimSpace(coding); coding != "" && !strings.EqualFold(coding, "identity") {
			encoded = true
		}
	}
	return encoding, encoded
}

// drain reads the rest of the body, up to the maximum size. Otherwise net/http
// resets the connection of a client that asked to close it, and that client
// loses its response. A client that waits for 100 Continue is not told to send
// its body.
func drain(r *http.Request) {
	if r.Header.Get("Expect") == "" {
		_, _ = io.Copy(io.Discard, r.Body) // the response is the same in any case
	}
}

// accepts compares the media type and ignores parameters such as charset, even
// malformed ones.
func (d Server) accepts(contentType string) bool {
	mediaType, _, err := mime.ParseMediaType(contentType)
	if err != nil && !errors.Is(err, mime.ErrInvalidMediaParameter) {
		return false
	}
	return slices.Contains(d.MediaTypes, mediaType)
}

func (d Server) write(w http.ResponseWriter, r *http.Request, response Response, body []byte) error {
	header := w.Header()
	header["X-Content-Type-Options"] = []string{"nosniff"}
	for name, value := range response.Header {
		header[name] = []string{value}
	}
	if body != nil {
		header["Content-Type"] = []string{d.ContentType}
	}
	w.WriteHeader(response.Status)
	if body == nil || r.Method == http.MethodHead {
		return nil
	}
	if _, err := w.Write(body); err != nil {
		return fmt.Errorf("write response: %w", err)
	}
	return nil
}
