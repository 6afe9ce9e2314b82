package faultproxy

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// Kind is a kind of fault.
type Kind string

// The faults. "Carried out" speaks of DynamoDB, whatever the client hears.
const (
	// DropBefore closes the connection: not carried out.
	DropBefore Kind = "drop before"
	// DropAfter is carried out, then the connection is closed.
	DropAfter Kind = "drop after"
	// ResetAfter is carried out, then the connection is reset.
	ResetAfter Kind = "reset after"
	// ErrorBefore answers 503: not carried out.
	ErrorBefore Kind = "error before"
	// ErrorAfter is carried out, then answers 500.
	ErrorAfter Kind = "error after"
	// CutAfter is carried out, then the answer ends in the middle.
	CutAfter Kind = "cut after"
	// GarbageAfter is carried out, then answers 200 with what is no JSON.
	GarbageAfter Kind = "garbage after"
	// Silent is carried out, and answers nothing until the client gives up.
	Silent Kind = "silent"
	// Late is carried out only after the client has given up.
	Late Kind = "late"
	// Throttled answers 400 with one of the throttling errors: not carried
	// out.
	Throttled Kind = "throttled"
	// Conflict answers as DynamoDB does when another transaction, or the
	// same one, is under way: not carried out.
	Conflict Kind = "conflict"
)

// exchange is one request and the way to answer it.
type exchange struct {
	proxy *Proxy
	w     http.ResponseWriter
	r     *http.Request
	op    string
	body  []byte
}

// faults says how each kind is done.
var faults = map[Kind]func(*exchange){
	DropBefore:   (*exchange).drop,
	DropAfter:    func(e *exchange) { e.carryOut(); e.drop() },
	ResetAfter:   func(e *exchange) { e.carryOut(); e.reset() },
	ErrorBefore:  func(e *exchange) { e.refuse(http.StatusServiceUnavailable, "ServiceUnavailable", nil) },
	ErrorAfter:   func(e *exchange) { e.carryOut(); e.refuse(500, "InternalServerError", nil) },
	CutAfter:     func(e *exchange) { e.cut(e.carryOut()) },
	GarbageAfter: func(e *exchange) { e.carryOut(); e.write(200, http.Header{}, []byte("<html>")) },
	Silent:       func(e *exchange) { e.carryOut(); e.awaitClient(); e.drop() },
	Late:         func(e *exchange) { e.awaitClient(); e.carryOut(); e.drop() },
	Throttled:    (*exchange).throttle,
	Conflict:     (*exchange).conflict,
}

// Kinds are all kinds of faults.
func Kinds() []Kind {
	return []Kind{
		DropBefore, DropAfter, ResetAfter, ErrorBefore, ErrorAfter, CutAfter,
		GarbageAfter, Silent, Late, Throttled, Conflict,
	}
}

// Ambiguous reports whether a client cannot tell if a request that met the
// fault was carried out.
func (k Kind) Ambiguous() bool { return !slices.Contains([]Kind{Throttled, Conflict}, k) }

// pass forwards the request and its answer.
func (e *exchange) pass() {
	a := e.carryOut()
	e.write(a.status, a.header, a.body)
}

// carryOut forwards the request. When the upstream cannot be reached, nothing
// that the proxy could say is true, and the connection is closed.
func (e *exchange) carryOut() response {
	a, err := e.forward()
	if err != nil {
		e.drop()
	}
	return a
}

func (e *exchange) write(status int, header http.Header, body []byte) {
	for name, values := range header {
		e.w.Header()[name] = values
	}
	e.w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	e.w.WriteHeader(status)
	_, _ = e.w.Write(body) // a client that is gone hears nothing
}

// drop closes the connection without an answer.
func (*exchange) drop() { panic(http.ErrAbortHandler) }

// reset closes the connection so that the client sees it reset.
func (e *exchange) reset() {
	conn, _, err := http.NewResponseController(e.w).Hijack()
	if err != nil {
		e.drop()
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // else it is closed, which is as good
	}
	_ = conn.Close()
}

// cut sends the status and half of the body, then closes the connection.
func (e *exchange) cut(a response) {
	e.w.Header().Set("Content-Length", strconv.Itoa(len(a.body)))
	e.w.WriteHeader(a.status)
	_, _ = e.w.Write(a.body[:len(a.body)/2])
	_ = http.NewResponseController(e.w).Flush()
	e.drop()
}

// awaitClient waits until the client has closed the connection.
func (e *exchange) awaitClient() {
	timer := time.NewTimer(longest)
	defer timer.Stop()
	select {
	case <-e.r.Context().Done():
	case <-timer.C:
	}
}

func (e *exchange) throttle() {
	codes := []string{"ProvisionedThroughputExceededException", "ThrottlingException", "RequestLimitExceeded"}
	if e.op == "TransactWriteItems" && e.proxy.choose(2) == 0 {
		e.cancel("ThrottlingError")
		return
	}
	e.refuse(http.StatusBadRequest, codes[e.proxy.choose(len(codes))], nil)
}

func (e *exchange) conflict() {
	switch {
	case e.op == "TransactWriteItems" && e.proxy.choose(2) == 0:
		e.refuse(http.StatusBadRequest, "TransactionInProgressException", nil)
	case e.op == "TransactWriteItems":
		e.cancel("TransactionConflict")
	default:
		e.refuse(http.StatusBadRequest, "TransactionConflictException", nil)
	}
}

// cancel answers that a transaction was cancelled for code on its last item.
func (e *exchange) cancel(code string) {
	var in struct{ TransactItems []json.RawMessage }
	if json.Unmarshal(e.body, &in) != nil || len(in.TransactItems) == 0 {
		e.drop()
	}
	reasons := make([]map[string]string, len(in.TransactItems))
	for i := range reasons {
		reasons[i] = map[string]string{"Code": "None"}
	}
	reasons[len(reasons)-1]["Code"] = code
	e.refuse(http.StatusBadRequest, "TransactionCanceledException", map[string]any{"CancellationReasons": reasons})
}

// refuse answers with an error of DynamoDB's shape.
func (e *exchange) refuse(status int, code string, more map[string]any) {
	fields := map[string]any{
		"__type":  "com.amazonaws.dynamodb.v20120810#" + code,
		"message": fmt.Sprintf("injected into %s", e.op),
	}
	for name, value := range more {
		fields[name] = value
	}
	body, err := json.Marshal(fields)
	if err != nil {
		e.drop()
	}
	e.write(status, http.Header{"Content-Type": {"application/x-amz-json-1.0"}}, body)
}

// choose draws one of n.
func (p *Proxy) choose(n int) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.rand.IntN(n)
}
