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
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/hookline/hookline/pkg/auth"
	"github.com/hookline/hookline/pkg/keygen"
	"github.com/hookline/hookline/pkg/webhook"
)

const (
	// MaxBody is the largest body of a registration API in bytes
	// (docs/contracts/README.md, Requests).
	MaxBody = 256 << 10
	// defaultDeadline bounds the work on one request (Setup.Deadline).
	defaultDeadline = 10 * time.Second
	// statusHungUp stands in the log where the client did not wait for the
	// answer.
	statusHungUp = 499
)

// Server is an http.Handler for all routes of one API: it lets requests in or
// refuses them, in the order of judgement, and writes what comes out.
type Server struct {
	API    webhook.API
	Routes []Route
	// Refuse puts an error into the API's shape: a *Error, what the routes
	// return, or any other error, which is our own fault.
	Refuse func(r *Request, err error) Response
	// Credentials finds the token in a request.
	Credentials auth.Scheme
	// MediaTypes are the content types accepted, ContentType is the one of
	// all answers.
	MediaTypes  []string
	ContentType string
	// Closed tells how long the API is closed from now on; nil for always
	// open.
	Closed func(now time.Time) time.Duration
	// MaxBody is the largest body in bytes; 0 for the constant of that name.
	MaxBody int64
	// Open lets every request in: somebody else has judged who may call.
	Open bool

	// The rest is the process's.
	auth *auth.Authenticator
	keys *keygen.Generator
	now  func() time.Time
	log  *slog.Logger

	deadline time.Duration
}

// Handler gives the door's handler, which works with what the process gives.
func (d Server) Handler(s Setup) Handler {
	if !d.Open {
		d.auth = auth.New(auth.Config{Tokens: s.Store, API: d.API, Now: s.Now})
	}
	if d.MaxBody == 0 {
		d.MaxBody = MaxBody
	}
	d.keys, d.now, d.log = s.Keys, s.Now, s.Log
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

// exchange is what is known of a request while it is served.
type exchange struct {
	request Request
	started time.Time
	pattern string
	methods methods
	// failed is set when the request could not even be read.
	failed error
}

func (d Server) serve(w http.ResponseWriter, r *http.Request, pattern string, m methods) {
	d.finish(w, &exchange{request: Request{Request: r}, started: d.now(), pattern: pattern, methods: m})
}

// finish answers a request and writes its log line.
func (d Server) finish(w http.ResponseWriter, v *exchange) {
	r := v.request.Request
	r.Body = http.MaxBytesReader(w, r.Body, d.MaxBody)
	response, body, err := d.respond(v)
	drain(r)
	status := response.Status
	if writeErr := d.write(w, r, response, body); err == nil {
		err = writeErr
	}
	if err != nil && r.Context().Err() != nil {
		status = statusHungUp
	}
	d.writeLog(v, status, err)
}

// respond judges the request, lets its route answer, and turns what went wrong,
// a panic included, into the API's shape. body is the answer's, marshalled.
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

// encode marshals an answer's body. Text that a client sent in broken UTF-8,
// such as a path, comes back with U+FFFD in the broken places.
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

// refuse adds to the API's own answer what HTTP asks for.
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

// dispatch goes through the order of judgement up to the size; JSON and fields
// are the route's.
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

// readBody judges content type and size and reads the body.
func (d Server) readBody(r *http.Request) ([]byte, error) {
	sent := r.Header["Content-Type"]
	if len(sent) != 1 || !d.accepts(sent[0]) {
		reqErr := &Error{Kind: ContentType, Present: len(sent) > 0}
		if reqErr.Present {
			reqErr.Value = sent[0]
		}
		return nil, reqErr
	}
	var body bytes.Buffer
	if r.ContentLength > 0 && r.ContentLength <= d.MaxBody {
		body.Grow(int(r.ContentLength) + bytes.MinRead)
	}
	_, err := body.ReadFrom(r.Body)
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
		return nil, &Error{Kind: TooLarge}
	}
	if err != nil { // cut off, or not as HTTP writes it: not our fault
		return nil, notJSON("could not be read to its end")
	}
	return body.Bytes(), nil
}

// drain reads what was not read of the body, as far as it may be large:
// net/http resets the connection of a client that asked to close it and whose
// body was not read, and such a client loses its answer. One that waits to be
// told to send its body is not told to.
func drain(r *http.Request) {
	if r.Header.Get("Expect") == "" {
		_, _ = io.Copy(io.Discard, r.Body) // the answer is the same whatever happens here
	}
}

// accepts compares the media type and leaves parameters such as charset alone,
// also misspelled ones.
func (d Server) accepts(contentType string) bool {
	mediaType, _, err := mime.ParseMediaType(contentType)
	if err != nil && !errors.Is(err, mime.ErrInvalidMediaParameter) {
		return false
	}
	return slices.Contains(d.MediaTypes, mediaType)
}

func (d Server) write(w http.ResponseWriter, r *http.Request, response Response, body []byte) error {
	header := w.Header()
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
		return fmt.Errorf("write answer: %w", err)
	}
	return nil
}

// writeLog writes the request's one line. Nothing of what the client sent is in
// it but the method; the route is the table's pattern.
func (d Server) writeLog(v *exchange, status int, err error) {
	level := slog.LevelInfo
	if status >= http.StatusInternalServerError && status != http.StatusServiceUnavailable {
		level = slog.LevelError
	}
	attrs := []slog.Attr{
		slog.String("request_id", v.request.ID),
		slog.String("api", string(d.API)),
		slog.String("account", v.request.Account.ID),
		slog.String("method", v.request.Method),
		slog.String("route", v.pattern),
		slog.Int("status", status),
		slog.Float64("duration_ms", float64(d.now().Sub(v.started).Microseconds())/1000),
	}
	if err != nil {
		attrs = append(attrs, slog.String("error", err.Error()))
	}
	d.log.LogAttrs(v.request.Context(), level, "request", attrs...)
}
