// Package faultproxy is an HTTP proxy for tests that stands before DynamoDB
// Local. It counts requests and the capacity they consume, and injects the
// faults of a network and of a busy DynamoDB by a seeded plan.
//
// It guarantees that a fault does what its name says, so that a test knows
// which writes may have happened. It never alters a request otherwise, except
// that each asks for its consumed capacity.
package faultproxy

import (
	"bytes"
	"context"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// Plan says which faults are injected.
type Plan struct {
	// Seed makes the drawn sequence of faults repeatable. Which request of
	// several at once meets which fault stays open.
	Seed uint64
	// Rate is the share of requests that meet a fault, 0 to 1.
	Rate float64
	// Kinds are drawn from evenly; none means all kinds.
	Kinds []Kind
	// Operations limits the faults to these, such as "PutItem"; none means
	// all operations.
	Operations []string
}

// Counts is what went through the proxy.
type Counts struct {
	// Requests are those that arrived, by operation, faulty ones too.
	Requests map[string]int
	// Faults are those injected, by kind.
	Faults map[Kind]int
	// ReadUnits and WriteUnits are what DynamoDB says it consumed. It says
	// so of successful requests only. Transactions are not counted, since
	// DynamoDB Local gets them wrong: on AWS one write unit for each KB of an
	// item costs two in a transaction.
	ReadUnits, WriteUnits float64
	// IndexUnits are the write units of indexes, which come beside WriteUnits.
	IndexUnits float64
}

// Total is the number of requests.
func (c Counts) Total() int { return sum(c.Requests) }

// Injected is the number of faults.
func (c Counts) Injected() int { return sum(c.Faults) }

func sum[K comparable](m map[K]int) int {
	total := 0
	for _, n := range m {
		total += n
	}
	return total
}

// Proxy is a running proxy.
type Proxy struct {
	// URL is the endpoint to give to a client.
	URL string

	upstream string
	client   *http.Client

	mu     sync.Mutex
	plan   Plan
	rand   *rand.Rand
	counts Counts
}

// longest bounds a request to the upstream, and how long an answer is held
// back from a client that does not give up.
const longest = 30 * time.Second

// Start runs a proxy before the DynamoDB at the URL upstream, without faults.
// It stops with the test.
func Start(t testing.TB, upstream string) *Proxy {
	t.Helper()
	transport := &http.Transport{MaxIdleConnsPerHost: 128, DisableCompression: true}
	p := &Proxy{
		upstream: upstream,
		client:   &http.Client{Transport: transport, Timeout: longest},
	}
	p.Inject(Plan{})
	p.Reset()
	server := httptest.NewServer(p)
	p.URL = server.URL
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close() // waits for late writes
		transport.CloseIdleConnections()
	})
	return p
}

// Inject makes plan the one for requests from now on. The zero Plan injects
// nothing.
func (p *Proxy) Inject(plan Plan) {
	if len(plan.Kinds) == 0 {
		plan.Kinds = Kinds()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.plan = plan
	p.rand = rand.New(rand.NewPCG(plan.Seed, 0)) // repeatable on purpose
}

// Reset sets all counts to zero.
func (p *Proxy) Reset() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.counts = Counts{Requests: map[string]int{}, Faults: map[Kind]int{}}
}

// Counts returns what was counted since the last Reset.
func (p *Proxy) Counts() Counts {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := p.counts
	c.Requests, c.Faults = map[string]int{}, map[Kind]int{}
	for k, n := range p.counts.Requests {
		c.Requests[k] = n
	}
	for k, n := range p.counts.Faults {
		c.Faults[k] = n
	}
	return c
}

// ServeHTTP handles one request.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, op, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler) // the client is gone
	}
	e := &exchange{proxy: p, w: w, r: r, op: op, body: askCapacity(op, body)}
	if kind := p.draw(op); kind != "" {
		faults[kind](e)
		return
	}
	e.pass()
}

// draw counts a request and chooses its fault, "" for none.
func (p *Proxy) draw(op string) Kind {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.counts.Requests[op]++
	if !p.plan.covers(op) || p.rand.Float64() >= p.plan.Rate {
		return ""
	}
	kind := p.plan.Kinds[p.rand.IntN(len(p.plan.Kinds))]
	p.counts.Faults[kind]++
	return kind
}

func (p Plan) covers(op string) bool {
	for _, o := range p.Operations {
		if o == op {
			return true
		}
	}
	return len(p.Operations) == 0
}

// response is what the upstream said, read whole.
type response struct {
	status int
	header http.Header
	body   []byte
}

// forward sends the request on and counts what it consumed. It does not depend
// on the client: a request once sent is carried out although nobody waits.
func (e *exchange) forward() (response, error) {
	ctx := context.WithoutCancel(e.r.Context())
	out, err := http.NewRequestWithContext(ctx, e.r.Method, e.proxy.upstream+e.r.URL.RequestURI(), bytes.NewReader(e.body))
	if err != nil {
		return response{}, err
	}
	out.Header = e.r.Header.Clone()
	out.Header.Del("Content-Length")
	resp, err := e.proxy.client.Do(out)
	if err != nil {
		return response{}, err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return response{}, err
	}
	e.proxy.consumed(e.op, body)
	return response{resp.StatusCode, resp.Header, body}, nil
}
