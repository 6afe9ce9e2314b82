package faultproxy

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// arrivals counts the requests that were carried out, and knows when the latest
// was.
type arrivals struct {
	atomic.Int64
	latest atomic.Pointer[time.Time]
}

// upstream plays a DynamoDB that carries out whatever it is asked.
func upstream(t *testing.T) (url string, carriedOut *arrivals) {
	t.Helper()
	carriedOut = new(arrivals)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || !strings.Contains(string(body), `"TableName":"t"`) {
			t.Errorf("the upstream got %q, %v", body, err)
		}
		now := time.Now()
		carriedOut.latest.Store(&now)
		carriedOut.Add(1)
		_, _ = io.WriteString(w, `{"ConsumedCapacity":{"CapacityUnits":2,"GlobalSecondaryIndexes":{"i":{"CapacityUnits":0.5}}}}`)
	}))
	t.Cleanup(server.Close)
	return server.URL, carriedOut
}

// send makes one request of the operation.
func send(ctx context.Context, t *testing.T, url, op string) (status int, body string, err error) {
	t.Helper()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(`{"TableName":"t","TransactItems":[{},{}]}`))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Amz-Target", "DynamoDB_20120810."+op)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = resp.Body.Close() }()
	read, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(read), err
}

// Each fault is what its name says.
func TestFaults(t *testing.T) {
	type effect struct {
		carriedOut bool // before the client gives up
		status     int  // 0: no whole answer
		says       string
	}
	want := map[Kind]effect{
		DropBefore:   {false, 0, ""},
		DropAfter:    {true, 0, ""},
		ResetAfter:   {true, 0, ""},
		ErrorBefore:  {false, 503, "ServiceUnavailable"},
		ErrorAfter:   {true, 500, "InternalServerError"},
		CutAfter:     {true, 0, ""},
		GarbageAfter: {true, 200, "<html>"},
		Silent:       {true, 0, ""},
		Late:         {false, 0, ""},
		Throttled:    {false, 400, "__type"},
		Conflict:     {false, 400, "Transaction"},
	}
	for _, kind := range Kinds() {
		t.Run(string(kind), func(t *testing.T) {
			url, carriedOut := upstream(t)
			p := Start(t, url)
			p.Inject(Plan{Rate: 1, Kinds: []Kind{kind}})
			ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
			defer cancel()
			if kind != Silent && kind != Late {
				ctx = t.Context()
			}
			status, body, err := send(ctx, t, p.URL, "TransactWriteItems")
			if err != nil {
				status = 0
			}
			w := want[kind]
			if kind == Late {
				awaitCount(t, &carriedOut.Int64, 1)
			}
			if done := carriedOut.in(ctx); done != w.carriedOut || status != w.status || !strings.Contains(body, w.says) {
				t.Errorf("carried out: %t, status %d, body %q; want %+v", done, status, body, w)
			}
			if c := p.Counts(); c.Faults[kind] != 1 || c.Injected() != 1 || c.Total() != 1 {
				t.Errorf("counts %+v, want one request with this fault", c)
			}
		})
	}
}

// in reports whether a request was carried out before the client gave up.
func (a *arrivals) in(ctx context.Context) bool {
	latest := a.latest.Load()
	end, ends := ctx.Deadline()
	return latest != nil && (!ends || latest.Before(end))
}

func awaitCount(t *testing.T, n *atomic.Int64, want int64) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	ticker := time.NewTicker(time.Millisecond)
	defer ticker.Stop()
	for n.Load() != want {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			t.Fatalf("%d requests were carried out, want %d", n.Load(), want)
		}
	}
}

// The same seed draws the same faults, at about the rate that was asked for,
// and only into the operations named.
func TestPlan(t *testing.T) {
	url, _ := upstream(t)
	draw := func(seed uint64) (drawn string) {
		p := Start(t, url)
		p.Inject(Plan{Seed: seed, Rate: 0.25, Kinds: []Kind{Throttled, Conflict}, Operations: []string{"PutItem"}})
		for range 1000 {
			drawn += string(p.draw("PutItem")) + ","
			if kind := p.draw("Query"); kind != "" {
				t.Fatalf("a Query met the fault %q", kind)
			}
		}
		if c := p.Counts(); c.Injected() < 200 || c.Injected() > 300 || len(c.Faults) != 2 || c.Requests["PutItem"] != 1000 {
			t.Errorf("counts %+v, want about 250 of two kinds in 1000", c)
		}
		return drawn
	}
	first := draw(1)
	if draw(1) != first {
		t.Error("the same seed drew other faults")
	}
	if draw(2) == first {
		t.Error("another seed drew the same faults")
	}
}

func TestCapacity(t *testing.T) {
	url, _ := upstream(t)
	p := Start(t, url)
	for _, op := range []string{"GetItem", "PutItem", "Query", "PutItem"} {
		if status, _, err := send(t.Context(), t, p.URL, op); err != nil || status != http.StatusOK {
			t.Fatalf("%s: status %d, %v", op, status, err)
		}
	}
	if c := p.Counts(); c.ReadUnits != 4 || c.WriteUnits != 3 || c.IndexUnits != 1 || c.Requests["PutItem"] != 2 {
		t.Errorf("counts %+v, want 4 read and 3 write units, and 1 of indexes", c)
	}
	p.Reset()
	if c := p.Counts(); c.Total() != 0 || c.ReadUnits != 0 || c.WriteUnits != 0 || c.IndexUnits != 0 {
		t.Errorf("counts after Reset: %+v", c)
	}
	const in = `{"TableName":"t"}`
	if got := string(askCapacity("PutItem", []byte(in))); !strings.Contains(got, `"ReturnConsumedCapacity":"INDEXES"`) {
		t.Errorf("PutItem asks %s", got)
	}
	if got := string(askCapacity("DescribeTable", []byte(in))); got != in {
		t.Errorf("DescribeTable was altered to %s", got)
	}
}
