package apitest

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"

	"github.com/hookline/hookline/pkg/api"
)

// Description is an API's description in OpenAPI 3.1, and what its tests have
// to know beside it.
type Description struct {
	YAML string
	// Optional names the members of answers that may be absent, by the end of
	// their place, such as "source.id"; Open those that may have any type.
	Optional, Open []string
	// Rejected is in answers of success that reject a part of their request, so
	// that the request need not be as described; empty if there are none.
	Rejected string
	// Unrecorded are the answers described that no golden exchange shows, as
	// "<operation id> <status>", each with the reason.
	Unrecorded map[string]string
}

// Responses that are no operation's, by the names that every description gives
// them.
const (
	unknownPath = "UnknownPath"
	wrongMethod = "WrongMethod"
)

// commonResponses are given by [api.Server] around the routes, by the same code
// for all of them. Of each, one exchange of any operation is enough; all others
// must be shown for every operation that has them.
var commonResponses = []string{"Unauthorized", "Forbidden", "Closed", "TooLarge", "UnsupportedMediaType", "ServerError"}

// OpenAPI holds an API's description to what the API does:
//
//   - It is valid OpenAPI 3.1, its examples are valid, and every body has one.
//   - It describes the routes of the API's table and no others.
//   - Every golden exchange is as described: the answer with its status,
//     headers and body, and the request if it was answered with success.
//   - Every answer described is in a golden exchange.
//   - It describes deliveries as they are sent, with their headers, if the API
//     sends any.
//   - It is strict: an answer with a member or a header more, with one less, or
//     with a value of another type is not as described.
func OpenAPI(t *testing.T, a api.API, d Description) {
	t.Helper()
	doc := load(t, d.YAML)
	contract := newContract(doc)
	exchanges := readExchanges(t, a)
	t.Run("routes", func(t *testing.T) { checkRoutes(t, a, doc) })
	t.Run("examples", func(t *testing.T) { checkExamples(t, doc) })
	t.Run("exchanges", func(t *testing.T) { checkExchanges(t, contract, exchanges, d.Rejected) })
	t.Run("coverage", func(t *testing.T) { checkCoverage(t, contract, exchanges, d.Unrecorded) })
	if a.Sending != nil {
		t.Run("delivery", func(t *testing.T) { checkDescribedDelivery(t, a, doc) })
	}
	t.Run("strictness", func(t *testing.T) { checkStrictness(t, contract, exchanges, d) })
}

// load reads a description with what its extensions demand, and validates it
// with its examples.
func load(t *testing.T, yaml string) *openapi3.T {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromData(strict(t, yaml))
	if err != nil {
		t.Fatal(err)
	}
	if doc.OpenAPI != "3.1.0" {
		t.Fatalf("openapi: %s, want 3.1.0", doc.OpenAPI)
	}
	if err := doc.Validate(context.Background(), openapi3.EnableExamplesValidation()); err != nil {
		t.Fatal(err)
	}
	return doc
}

// contract answers what a description says of an exchange.
type contract struct {
	doc *openapi3.T
	// mux finds paths as the API does.
	mux *http.ServeMux
}

// found is an http.Handler that only says which path was found.
type found string

func (found) ServeHTTP(http.ResponseWriter, *http.Request) {}

func newContract(doc *openapi3.T) *contract {
	c := &contract{doc, http.NewServeMux()}
	for path := range doc.Paths.Map() {
		c.mux.Handle(path, found(path))
	}
	return c
}

// path gives the path described that a request has, "" for none.
func (c *contract) path(r *http.Request) string {
	h, _ := c.mux.Handler(r)
	path, _ := h.(found)
	return string(path)
}

// route is what the description says of a request's path and method. Requests
// that no operation is for get one with the one answer that they can have.
func (c *contract) route(r *http.Request) *routers.Route {
	route := &routers.Route{Spec: c.doc, Path: c.path(r), Method: methodOf(r)}
	if route.Path == "" {
		route.Operation = c.outside(http.StatusNotFound, unknownPath)
		return route
	}
	route.PathItem = c.doc.Paths.Value(route.Path)
	if route.Operation = route.PathItem.GetOperation(route.Method); route.Operation == nil {
		route.Operation = c.outside(http.StatusMethodNotAllowed, wrongMethod)
	}
	return route
}

// methodOf is the method that answers: HEAD is answered as GET.
func methodOf(r *http.Request) string {
	if r.Method == http.MethodHead {
		return http.MethodGet
	}
	return r.Method
}

// outside is the operation of requests that there is none for.
func (c *contract) outside(status int, name string) *openapi3.Operation {
	return &openapi3.Operation{
		OperationID: name,
		Responses:   openapi3.NewResponses(openapi3.WithStatus(status, c.doc.Components.Responses[name])),
	}
}

// key names an answer described: "<operation id> <status>".
func (c *contract) key(e *recorded) string {
	return fmt.Sprintf("%s %d", c.route(e.request).Operation.OperationID, e.status)
}

// checkResponse holds an answer to the description: its status, its headers to
// the letter, and its body.
func (c *contract) checkResponse(e *recorded) error {
	route := c.route(e.request)
	ref := route.Operation.Responses.Status(e.status)
	if ref == nil {
		return fmt.Errorf("status %d is not described", e.status)
	}
	if err := checkHeaders(ref.Value, e); err != nil {
		return err
	}
	if allow := allowed(route.PathItem); route.Operation.OperationID == wrongMethod && e.headers().Get("Allow") != allow {
		return fmt.Errorf("allow: %s, want %s", e.headers().Get("Allow"), allow)
	}
	if e.request.Method == http.MethodHead {
		if len(e.response) > 0 {
			return fmt.Errorf("HEAD is answered with a body")
		}
	} else if (len(ref.Value.Content) == 0) != (len(e.response) == 0) {
		return fmt.Errorf("a body of %d bytes, but %d are described", len(e.response), len(ref.Value.Content))
	}
	request := e.request.Clone(context.Background())
	request.Method = route.Method
	input := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{Request: request, Route: route},
		Status:                 e.status,
		Header:                 e.headers(),
		Options: &openapi3filter.Options{
			IncludeResponseStatus: true,
			ExcludeResponseBody:   len(e.response) == 0,
		},
	}
	input.SetBodyBytes(e.response)
	return openapi3filter.ValidateResponse(context.Background(), input)
}

// allowed gives the methods described for a path as Allow lists them.
func allowed(item *openapi3.PathItem) string {
	if item == nil {
		return ""
	}
	methods := slices.Collect(maps.Keys(item.Operations()))
	if item.Get != nil {
		methods = append(methods, http.MethodHead)
	}
	slices.Sort(methods)
	return strings.Join(methods, ", ")
}

// sniffing is the header that every response has and no description: it tells
// browsers something, and clients nothing (docs/contracts/README.md, Requests 13).
const sniffing = "X-Content-Type-Options"

// checkHeaders holds the headers' names to those described, letter case
// included, and the content type to one described.
func checkHeaders(described *openapi3.Response, e *recorded) error {
	want := []string{sniffing}
	for name, header := range described.Headers {
		if !header.Value.Required {
			return fmt.Errorf("header %s is described as optional", name)
		}
		want = append(want, name)
	}
	if len(described.Content) > 0 {
		want = append(want, "Content-Type")
	}
	got := make([]string, len(e.header))
	for i, h := range e.header {
		got[i] = h.name
		if h.name == sniffing && h.value != "nosniff" {
			return fmt.Errorf("%s is %q", sniffing, h.value)
		}
		if h.name == "Content-Type" && described.Content[h.value] == nil {
			return fmt.Errorf("content type %q is not described", h.value)
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		return fmt.Errorf("headers %q, want %q", got, want)
	}
	return nil
}

// checkRequest holds a request to the description: credentials, parameters,
// content type and body.
func (c *contract) checkRequest(e *recorded) error {
	route := c.route(e.request)
	request := e.request.Clone(context.Background())
	request.Method = route.Method
	probe := httptest.NewRequest(request.Method, e.request.URL.RequestURI(), nil)
	params := map[string]string{}
	mux := http.NewServeMux()
	mux.HandleFunc(route.Path, func(_ http.ResponseWriter, r *http.Request) {
		for _, p := range route.PathItem.Parameters {
			params[p.Value.Name] = r.PathValue(p.Value.Name)
		}
	})
	mux.ServeHTTP(httptest.NewRecorder(), probe)
	if body := route.Operation.RequestBody; body != nil {
		sent := request.Header.Get("Content-Type")
		if body.Value.Content.Get(sent) == nil {
			return fmt.Errorf("content type %q is not described", sent)
		}
		// The validator knows how to read JSON by this name only.
		request.Header.Set("Content-Type", "application/json")
	}
	request.Body = e.body()
	return openapi3filter.ValidateRequest(context.Background(), &openapi3filter.RequestValidationInput{
		Request:    request,
		PathParams: params,
		Route:      route,
		Options:    &openapi3filter.Options{AuthenticationFunc: hasCredentials},
	})
}

// hasCredentials looks for credentials where a security scheme puts them.
func hasCredentials(_ context.Context, in *openapi3filter.AuthenticationInput) error {
	header := in.RequestValidationInput.Request.Header
	switch scheme := in.SecurityScheme; {
	case scheme.Type == "apiKey" && scheme.In == "header" && header.Get(scheme.Name) != "":
		return nil
	case scheme.Type == "http" && len(header.Get("Authorization")) > len(scheme.Scheme) &&
		strings.EqualFold(header.Get("Authorization")[:len(scheme.Scheme)+1], scheme.Scheme+" "):
		return nil
	}
	return in.NewError(nil)
}

// checkRoutes compares the description's operations with the route table.
func checkRoutes(t *testing.T, a api.API, doc *openapi3.T) {
	t.Helper()
	handler := NewFixture(t, a, nil, nil).Handler(t, a)
	table, ok := handler.(interface{ Routes() []api.Route })
	if !ok {
		t.Fatalf("%T has no route table", handler)
	}
	var want, got []string
	for _, route := range table.Routes() {
		want = append(want, route.Path+" "+route.Method)
		if item := doc.Paths.Value(route.Path); item != nil && item.GetOperation(route.Method) != nil {
			if described := item.GetOperation(route.Method).RequestBody != nil; described != route.Body {
				t.Errorf("%s %s: body described %v, taken %v", route.Method, route.Path, described, route.Body)
			}
		}
	}
	for path, item := range doc.Paths.Map() {
		for method, operation := range item.Operations() {
			got = append(got, path+" "+method)
			if operation.OperationID == "" {
				t.Errorf("%s %s has no operationId", method, path)
			}
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("described:\n%s\nroutes:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// checkExamples demands an example of every body. That they are valid is part
// of the description's own validation.
func checkExamples(t *testing.T, doc *openapi3.T) {
	t.Helper()
	demand := func(where string, content openapi3.Content) {
		for mediaType, m := range content {
			if len(m.Examples) == 0 {
				t.Errorf("%s, %s: no example", where, mediaType)
			}
		}
	}
	for path, item := range doc.Paths.Map() {
		for method, operation := range item.Operations() {
			if operation.RequestBody != nil {
				demand(method+" "+path, operation.RequestBody.Value.Content)
			}
			for status, response := range operation.Responses.Map() {
				demand(method+" "+path+" "+status, response.Value.Content)
			}
		}
	}
	for name, response := range doc.Components.Responses {
		demand(name, response.Value.Content)
	}
}

func checkExchanges(t *testing.T, c *contract, exchanges []*recorded, rejected string) {
	t.Helper()
	for _, e := range exchanges {
		if err := c.checkResponse(e); err != nil {
			t.Errorf("%s: the answer is not as described: %v", e.name, err)
		}
		if e.status >= 300 || rejected != "" && bytes.Contains(e.response, []byte(rejected)) {
			continue // the request may be wrong on purpose
		}
		if err := c.checkRequest(e); err != nil {
			t.Errorf("%s: the request succeeds, but is not as described: %v", e.name, err)
		}
	}
}

// checkCoverage demands a golden exchange of every answer described.
func checkCoverage(t *testing.T, c *contract, exchanges []*recorded, unrecorded map[string]string) {
	t.Helper()
	seen := map[string]bool{}
	for _, e := range exchanges {
		key := c.key(e)
		seen[key] = true
		if ref := c.route(e.request).Operation.Responses.Status(e.status); ref != nil {
			seen[common(ref, key)] = true
		}
	}
	missing := map[string]bool{}
	for _, item := range c.doc.Paths.Map() {
		for _, operation := range item.Operations() {
			for status, ref := range operation.Responses.Map() {
				if key := operation.OperationID + " " + status; !seen[common(ref, key)] {
					missing[key] = true
				}
			}
		}
	}
	for _, key := range []string{unknownPath + " 404", wrongMethod + " 405"} {
		if !seen[key] {
			missing[key] = true
		}
	}
	for key := range missing {
		if unrecorded[key] == "" {
			t.Errorf("no golden exchange shows %s", key)
		}
	}
	for key, reason := range unrecorded {
		if !missing[key] {
			t.Errorf("%s (%s) is in a golden exchange, or not described", key, reason)
		}
	}
}

// common gives the name of a response that is common to all operations,
// otherwise own.
func common(ref *openapi3.ResponseRef, own string) string {
	name := strings.TrimPrefix(ref.Ref, "#/components/responses/")
	if slices.Contains(commonResponses, name) {
		return name
	}
	return cmp.Or(own, name)
}
