package modeltest

import (
	"fmt"
	"maps"
	"math"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/hookline/hookline/internal/test/dynamolocal"
	"github.com/hookline/hookline/internal/test/long"
	"github.com/hookline/hookline/pkg/store/dynamo"
	"github.com/hookline/hookline/pkg/store/sqlite"
	"github.com/hookline/hookline/pkg/webhook"
)

// slot is what stands of one event of an account, the version left out; the
// zero slot is a free event.
type slot struct {
	ID, URL, Key string
	Payload      bool
}

// slots are the webhooks of an account, in the order of events.
type slots [4]slot

func slotsOf(webhooks []webhook.Webhook) slots {
	var s slots
	for _, w := range webhooks {
		s[slices.Index(events, w.Event)] = slot{w.ID, w.URL, string(w.SealedKey), w.SendPayload}
	}
	return s
}

// of gives those of one id alone.
func (s slots) of(id string) slots {
	for i := range s {
		if s[i].ID != id {
			s[i] = slot{}
		}
	}
	return s
}

// outcome is what a client knows of an operation when it is over.
type outcome string

const (
	done     outcome = "done"
	taken    outcome = "taken"
	excluded outcome = "excluded"
	notFound outcome = "not found"
	// unknown: it may have happened, may happen later, or never.
	unknown outcome = "unknown"
	// nothing: it was not carried out.
	nothing outcome = "nothing"
)

// result is what an operation came to.
type result struct {
	Outcome  outcome
	Taken    map[string]string
	Excluded []webhook.Exclusion
	// Slots are what was listed or found, or what a change left.
	Slots slots
}

// call is an operation of a history, with what it wrote, or may have written.
type call struct {
	operation
	// ID is the target.
	ID string
	// Made are the webhooks of a registration; Key is a rotation's, sealed.
	Made slots
	Key  string
}

// linear is the model of an account for porcupine. An unknown operation that
// never happened is one that comes after everything else.
var linear = porcupine.Model{
	Init: func() any { return slots{} },
	Step: func(state, input, output any) (bool, any) {
		return input.(call).step(state.(slots), output.(result))
	},
	DescribeOperation: func(input, output any) string { return fmt.Sprintf("%v -> %+v", input, output) },
}

// step gives what c leaves, and whether it can have come to r.
func (c call) step(s slots, r result) (bool, slots) {
	switch c.Do {
	case "list":
		return r.Slots == s, s
	case "register":
		return c.register(s, r)
	}
	found := s.of(c.ID)
	if found == (slots{}) {
		return r.Outcome == notFound || r.Outcome == unknown, s
	}
	switch c.Do {
	case "find":
		return r.Outcome == done && r.Slots == found, s
	case "delete":
		return r.Outcome == done || r.Outcome == unknown, s.without(found)
	}
	return c.change(s, found, r)
}

// ids are those of the slots.
func (s slots) ids() (ids [len(slots{})]string) {
	for i := range s {
		ids[i] = s[i].ID
	}
	return ids
}

func (s slots) without(found slots) slots {
	for i := range s {
		if found[i] != (slot{}) {
			s[i] = slot{}
		}
	}
	return s
}

func (c call) register(s slots, r result) (bool, slots) {
	there := map[string]string{}
	for _, item := range c.Items {
		if id := s[slices.Index(events, item.Event)].ID; id != "" {
			there[item.Event] = id
		}
	}
	var excluding []webhook.Exclusion
	if c.api() == batch {
		excluding = excludedBy(c.operation, func(event string) bool { return s[slices.Index(events, event)] != slot{} })
	}
	switch {
	case len(there) > 0:
		return r.Outcome == taken && maps.Equal(r.Taken, there) || r.Outcome == unknown, s
	case len(excluding) > 0:
		return r.Outcome == excluded && slices.Equal(r.Excluded, excluding) || r.Outcome == unknown, s
	}
	for i, made := range c.Made {
		if made != (slot{}) {
			s[i] = made
		}
	}
	return r.Outcome == unknown || r.Outcome == done && r.Slots.ids() == c.Made.ids(), s
}

// change is an edit of one field, or a rotation.
func (c call) change(s, found slots, r result) (bool, slots) {
	to := slices.Index(events, c.Edit.Event)
	if to >= 0 && s[to] != (slot{}) && s[to].ID != c.ID {
		isTaken := r.Outcome == taken && maps.Equal(r.Taken, map[string]string{c.Edit.Event: s[to].ID})
		return isTaken || r.Outcome == unknown, s
	}
	s = s.without(found)
	var changed slots
	for i, w := range found {
		switch {
		case w == slot{}:
			continue
		case c.Do == "rotate":
			w.Key = c.Key
		case c.Do == "flip":
			w.Payload = c.Edit.Payload
		case c.Do == "redirect":
			w.URL = c.Edit.URL
		case c.Do == "move":
			i = to
		}
		s[i], changed[i] = w, w
	}
	return r.Outcome == unknown || r.Outcome == done && (c.Do == "rotate" || r.Slots == changed), s
}

// event is one operation of a history with its time, in nanoseconds.
type event struct {
	call        call
	result      result
	client      int
	start, over int64
}

// forever is when an operation ends whose outcome nobody knows.
const forever = math.MaxInt64

// timeout is how long one account's history may be pondered.
const timeout = 5 * time.Minute

// check says whether a history of one account is linearizable.
func check(history []event) porcupine.CheckResult {
	seen := map[string]bool{}
	for _, e := range history {
		for _, s := range e.result.Slots {
			seen[s.ID] = true
		}
		for _, id := range e.result.Taken {
			seen[id] = true
		}
	}
	var operations []porcupine.Operation
	for _, e := range history {
		if e.result.Outcome == nothing || e.result.Outcome == unknown && e.invisible(seen) {
			continue
		}
		over := e.over
		if e.result.Outcome == unknown {
			over = forever
		}
		operations = append(operations, porcupine.Operation{
			ClientId: e.client, Input: e.call, Output: e.result, Call: e.start, Return: over,
		})
	}
	return porcupine.CheckOperationsTimeout(linear, operations, timeout)
}

// invisible reports that nothing of the operation can show: a read, or a
// registration whose ids nobody ever saw. Since only who has seen an id can
// change or delete it, what was registered under it would stand at the end.
func (e event) invisible(seen map[string]bool) bool {
	if e.call.Do != "register" {
		return e.call.Do == "list" || e.call.Do == "find"
	}
	return !slices.ContainsFunc(e.call.Made[:], func(s slot) bool { return s.ID != "" && seen[s.ID] })
}

func openSQLite(t *testing.T) *sqlite.Store {
	t.Helper()
	s, err := sqlite.Open(filepath.Join(t.TempDir(), "hookline.db"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// openDynamo gives a store on tables at endpoint, in which no delivery expires. A
// try that takes longer than tryTimeout counts as lost.
func openDynamo(t *testing.T, endpoint string, tables dynamolocal.Tables, tryTimeout time.Duration, change ...func(*dynamo.Config)) *dynamo.Store {
	t.Helper()
	cfg := dynamo.Config{
		Client: dynamolocal.Client(t, endpoint), Table: tables.Webhooks, Deliveries: tables.Deliveries,
		TryTimeout: tryTimeout, CallTimeout: 10 * time.Minute, Now: func() time.Time { return startTime },
	}
	for _, c := range change {
		c(&cfg)
	}
	s, err := dynamo.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSequencesOnSQLite(t *testing.T) {
	s := openSQLite(t)
	testSequences(t, operations(), nil, s, long.Pick[int64](2_000, 20_000))
	testSequences(t, sendOperations(), sendFirst, s, long.Pick[int64](2_000, 30_000))
}

func TestSequencesOnDynamoDB(t *testing.T) {
	server := dynamolocal.Start(t)
	s := openDynamo(t, server.URL, server.NewTables(t), 30*time.Second)
	testSequences(t, operations(), nil, s, long.Pick[int64](1_200, 20_000))
	testSequences(t, sendOperations(), sendFirst, s, long.Pick[int64](800, 8_000))
}
