package dynamo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hookline/hookline/pkg/webhook"
)

// existing is the record of oldItem.
func existing(event, id string) webhook.Webhook {
	w := testWebhook(event, id)
	w.Version = 4
	return w
}

// changing asks to move records from the events of was to those of now, one
// letter each. The ids are "id-" and the letter of was.
func changing(was, now string) webhook.Change {
	var c webhook.Change
	for i := range was {
		w := existing(was[i:i+1], "id-"+was[i:i+1])
		n := w
		n.Event, n.URL, n.Version, n.UpdatedAt = now[i:i+1], "https://now.example", 5, testTime.Add(time.Hour)
		c.Was, c.Now = append(c.Was, w), append(c.Now, n)
	}
	return c
}

// write is one operation of a transaction, as it is sent.
type write struct {
	Kind                                string
	PK, SK                              string
	ConditionExpression                 string
	UpdateExpression                    string
	Values                              map[string]string
	ReturnValuesOnConditionCheckFailure string
	Item                                map[string]any
}

// writes reads the operations of a TransactWriteItems.
func writes(t *testing.T, body string) []write {
	t.Helper()
	var in struct {
		TransactItems []map[string]struct {
			Key, Item                                                                  map[string]any
			ConditionExpression, UpdateExpression, ReturnValuesOnConditionCheckFailure string
			ExpressionAttributeValues                                                  map[string]map[string]any
		}
	}
	if err := json.Unmarshal([]byte(body), &in); err != nil {
		t.Fatal(err)
	}
	var list []write
	for _, operation := range in.TransactItems {
		for kind, o := range operation {
			w := write{
				Kind: kind, ConditionExpression: o.ConditionExpression, UpdateExpression: o.UpdateExpression,
				Values: map[string]string{}, ReturnValuesOnConditionCheckFailure: o.ReturnValuesOnConditionCheckFailure, Item: o.Item,
			}
			at := o.Key
			if kind == "Put" {
				at = o.Item
			}
			w.PK, w.SK = text(at["pk"]), text(at["sk"])
			for name, value := range o.ExpressionAttributeValues {
				w.Values[name] = text(value)
			}
			list = append(list, w)
		}
	}
	return list
}

// text is the value of an attribute, without its type.
func text(attribute any) string {
	m, _ := attribute.(map[string]any)
	for _, value := range m {
		return fmt.Sprint(value)
	}
	return ""
}

// A record that keeps its event is updated: exactly what a change may set is
// set or removed, never its id, claim, creation or statistics.
func TestShapeOfUpdate(t *testing.T) {
	s, sc := newScripted(t, says(http.StatusOK, `{}`))
	c := changing("a", "a")
	c.Now[0].SealedKey = nil
	c.Now[0].RetiredKeys = []webhook.RetiredKey{{Sealed: []byte("old"), Until: testTime}}
	c.Now[0].Disabled, c.Now[0].DisabledReason, c.Now[0].DisabledAt = true, "why", testTime
	c.Now[0].Statistics = webhook.Statistics{FailedAttempts: 7, LastSentAt: testTime, LastFailedAt: testTime}
	if err := s.Change(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	want := []write{{
		Kind: "Update", PK: "A#abbeycross#fleet-7", SK: "E#a",
		ConditionExpression: "i = :id AND v = :was",
		UpdateExpression:    "SET u = :u, o = :o, d = :d, t = :t, da = :da, v = :v, m = :m, ix = :ix, state_since = :state_since REMOVE p, n, k, sl",
		Values: map[string]string{
			":id": "id-a", ":was": "4", ":u": "https://now.example", ":d": "true", ":t": "why", ":v": "5", ":m": "1772604367089",
			":da": "1772600767089", ":ix": "abbeycross#3", ":state_since": "1772600767089",
			":o": "[map[M:map[e:map[N:1772600767089] k:map[B:b2xk]]]]",
		},
		ReturnValuesOnConditionCheckFailure: "ALL_OLD",
	}}
	if diff := cmp.Diff(want, writes(t, sc.bodies[0])); diff != "" || len(sc.bodies) != 1 {
		t.Errorf("%d requests (-want +got):\n%s", len(sc.bodies), diff)
	}
}

// A record that moves frees its event and claims the other; where events are
// exchanged, each item is named once.
func TestShapeOfMoves(t *testing.T) {
	for name, tt := range map[string]struct {
		was, now string
		want     []string
	}{
		"move":         {"a", "b", []string{"Delete a if id-a 4", "Put b if none"}},
		"swap":         {"ab", "ba", []string{"Put a if id-a 4", "Put b if id-b 4"}},
		"chain":        {"ab", "bc", []string{"Delete a if id-a 4", "Put b if id-b 4", "Put c if none"}},
		"ring":         {"abc", "bca", []string{"Put a if id-a 4", "Put b if id-b 4", "Put c if id-c 4"}},
		"move of some": {"ab", "ac", []string{"Update a if id-a 4", "Delete b if id-b 4", "Put c if none"}},
	} {
		t.Run(name, func(t *testing.T) {
			s, sc := newScripted(t, says(http.StatusOK, `{}`))
			c := changing(tt.was, tt.now)
			if err := s.Change(t.Context(), c); err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, w := range writes(t, sc.bodies[0]) {
				when := "none"
				if w.ConditionExpression != "attribute_not_exists(pk)" {
					when = w.Values[":id"] + " " + w.Values[":was"]
				}
				event := strings.TrimPrefix(w.SK, "E#")
				got = append(got, fmt.Sprintf("%s %s if %s", w.Kind, event, when))
				if w.ReturnValuesOnConditionCheckFailure != "ALL_OLD" {
					t.Errorf("%s does not ask for the record in the way", got[len(got)-1])
				}
				if mover := "id-" + string(tt.was[max(0, strings.Index(tt.now, event))]); w.Kind == "Put" && text(w.Item["i"]) != mover {
					t.Errorf("%s puts the record of %s, want that of %s", got[len(got)-1], text(w.Item["i"]), mover)
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// A deletion asks for the id alone, whatever the version.
func TestShapeOfDelete(t *testing.T) {
	s, sc := newScripted(t, says(http.StatusOK, `{}`))
	if err := s.Delete(t.Context(), changing("ab", "ab").Was); err != nil {
		t.Fatal(err)
	}
	got := writes(t, sc.bodies[0])
	if len(got) != 2 || len(sc.bodies) != 1 {
		t.Fatalf("%d operations in %d requests, want 2 in 1", len(got), len(sc.bodies))
	}
	for i, event := range []string{"a", "b"} {
		want := write{
			Kind: "Delete", PK: "A#abbeycross#fleet-7", SK: "E#" + event, ConditionExpression: "i = :id",
			Values: map[string]string{":id": "id-" + event}, ReturnValuesOnConditionCheckFailure: "ALL_OLD",
		}
		if diff := cmp.Diff(want, got[i]); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}

// What a failed change is told, by the record that stands at each event: gone
// before changed before taken.
func TestValidationOfChange(t *testing.T) {
	const none = `{"Code":"ConditionalCheckFailed"}`
	fine := reason("None")
	mine, other := func(event string) string { return holds(event, "id-"+event) }, func(event string) string { return holds(event, "other-"+event) }
	for name, tt := range map[string]struct {
		was, now string
		reasons  []string
		want     error
		taken    map[string]string
	}{
		"changed":                     {"a", "a", []string{mine("a")}, webhook.ErrChanged, nil},
		"gone":                        {"a", "a", []string{none}, webhook.ErrNotFound, nil},
		"another id":                  {"a", "a", []string{other("a")}, webhook.ErrNotFound, nil},
		"taken":                       {"a", "b", []string{fine, other("b")}, webhook.ErrTaken, map[string]string{"b": "other-b"}},
		"two taken":                   {"ab", "cd", []string{fine, fine, other("c"), other("d")}, webhook.ErrTaken, map[string]string{"c": "other-c", "d": "other-d"}},
		"changed and taken":           {"a", "b", []string{mine("a"), other("b")}, webhook.ErrChanged, nil},
		"gone and taken":              {"a", "b", []string{none, other("b")}, webhook.ErrNotFound, nil},
		"gone after changed":          {"ab", "ab", []string{mine("a"), none}, webhook.ErrNotFound, nil},
		"changed after gone":          {"ab", "ab", []string{other("a"), mine("b")}, webhook.ErrNotFound, nil},
		"swap: changed":               {"ab", "ba", []string{fine, mine("b")}, webhook.ErrChanged, nil},
		"swap: gone":                  {"ab", "ba", []string{none, fine}, webhook.ErrNotFound, nil},
		"swap: another's":             {"ab", "ba", []string{fine, other("b")}, webhook.ErrNotFound, nil},
		"taken by what was not given": {"a", "b", []string{fine, none}, errInternal, nil},
		"reasons for others":          {"a", "b", []string{other("b")}, errInternal, nil},
		"a record without id":         {"a", "a", []string{`{"Code":"ConditionalCheckFailed","Item":{"u":{"S":"do-not-show"}}}`}, errInternal, nil},
	} {
		t.Run(name, func(t *testing.T) {
			s, sc := newScripted(t, cancels(tt.reasons...))
			err := s.Change(t.Context(), changing(tt.was, tt.now))
			if errors.Is(tt.want, errInternal) {
				mustBe(t, err)
			} else {
				mustBe(t, err, tt.want)
			}
			var taken *webhook.TakenError
			if errors.As(err, &taken) && !maps.Equal(taken.IDs, tt.taken) || err == nil || len(sc.bodies) != 1 {
				t.Errorf("error = %v after %d requests, want %v after one", err, len(sc.bodies), tt.want)
			}
		})
	}
}

// lifecycle are the calls that are one transaction and tell nothing but an
// error.
var lifecycle = map[string]func(context.Context, *Store) error{
	"change": func(ctx context.Context, s *Store) error { return s.Change(ctx, changing("a", "a")) },
	"move":   func(ctx context.Context, s *Store) error { return s.Change(ctx, changing("a", "b")) },
	"delete": func(ctx context.Context, s *Store) error { return s.Delete(ctx, changing("a", "a").Was) },
	"set account key": func(ctx context.Context, s *Store) error {
		return s.SetAccountKey(ctx, testAccount, []byte(sealedKey))
	},
	"close account":  func(ctx context.Context, s *Store) error { return s.CloseAccount(ctx, testAccount, time.Unix(1, 0)) },
	"delete account": func(ctx context.Context, s *Store) error { return s.DeleteAccount(ctx, testAccount) },
}

// A lost answer is made up for by the same transaction with the same token, within
// the call.
func TestLifecycleResolvesLostResponses(t *testing.T) {
	ok := says(http.StatusOK, `{}`)
	for name, call := range lifecycle {
		for err, steps := range map[string][]step{
			"closed":      {fails(io.EOF), ok},
			"silent":      {silent, ok},
			"internal":    {says(500, ``), says(503, ``), ok},
			"in progress": {says(500, ``), refuses("TransactionInProgressException"), ok},
			"conflict":    {cancels(reason("TransactionConflict")), ok},
		} {
			t.Run(name+"/"+err, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s, sc := newScripted(t, steps...)
					if err := call(t.Context(), s); err != nil || len(sc.bodies) != len(steps) {
						t.Errorf("error = %v after %d requests, want none after %d", err, len(sc.bodies), len(steps))
					}
					mustBeOneTransaction(t, sc.bodies)
				})
			})
		}
		t.Run(name+"/deadline", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, _ := newScripted(t, silent)
				ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
				defer cancel()
				mustBe(t, call(ctx, s), webhook.ErrUnknownOutcome, context.DeadlineExceeded)
			})
		})
	}
}

// What names no change or deletion is refused without a request.
func TestChangeRefusesWhatIsNoChange(t *testing.T) {
	s, sc := newScripted(t, says(http.StatusOK, `{}`))
	otherAccount, otherID, fewer := changing("ab", "ab"), changing("a", "a"), changing("ab", "ab")
	otherAccount.Now[1].Account.ID = "fleet-8"
	otherID.Now[0].ID = "new"
	fewer.Now = fewer.Now[:1]
	moved := changing("a", "a")
	moved.Now[0].Account.ID = "fleet-8"
	var many webhook.Change
	for i := range 51 {
		w := existing(fmt.Sprint(i), "id")
		many.Was, many.Now = append(many.Was, w), append(many.Now, w)
	}
	for name, c := range map[string]webhook.Change{
		"nothing": {}, "fewer": fewer, "two accounts": otherAccount, "another account": moved, "another id": otherID,
		"one event twice": changing("aa", "ab"), "to one event": changing("ab", "cc"), "too many": many,
	} {
		if err := s.Change(t.Context(), c); !errors.Is(err, webhook.ErrInvalid) {
			t.Errorf("%s: Change error = %v, want ErrInvalid", name, err)
		}
	}
	for name, list := range map[string][]webhook.Webhook{
		"nothing": nil, "one event twice": changing("aa", "ab").Was, "two accounts": otherAccount.Now, "too many": many.Was,
	} {
		if err := s.Delete(t.Context(), list); !errors.Is(err, webhook.ErrInvalid) {
			t.Errorf("%s: Delete error = %v, want ErrInvalid", name, err)
		}
	}
	if len(sc.bodies) != 0 {
		t.Errorf("%d requests were made", len(sc.bodies))
	}
}

// The outcome of an addition by what came back for it. The mark tells whose
// record stands.
func TestOutcomeOfAddDelivery(t *testing.T) {
	ok := says(http.StatusOK, `{}`)
	existing := func(stats string) step {
		record := recordOf(t, testDelivery())
		record[attrAcceptance] = str(stats)
		return exists(t, record)
	}
	for name, tt := range map[string]struct {
		steps    []step
		want     error
		requests int
	}{
		"done":                  {[]step{ok}, nil, 1},
		"there":                 {[]step{existing("other")}, webhook.ErrExists, 1},
		"lost, then own":        {[]step{fails(io.EOF), existing("token-1")}, nil, 2},
		"silent, then own":      {[]step{silent, existing("token-1")}, nil, 2},
		"lost, then another's":  {[]step{says(500, ``), existing("other")}, webhook.ErrExists, 2},
		"lost, then done":       {[]step{says(500, ``), refuses("ThrottlingException"), ok}, nil, 3},
		"lost, then no rights":  {[]step{says(500, ``), refuses("AccessDeniedException")}, webhook.ErrUnknownOutcome, 2},
		"no table":              {[]step{refuses("ResourceNotFoundException")}, ErrNoTable, 1},
		"refused for no record": {[]step{exists(t, nil)}, errInternal, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, sc := newScripted(t, tt.steps...)
				got, err := s.AddDelivery(t.Context(), testDelivery())
				if tt.want == nil || errors.Is(tt.want, errInternal) {
					mustBe(t, err)
				} else {
					mustBe(t, err, tt.want)
				}
				want := webhook.Delivery{}
				if err == nil || errors.Is(err, webhook.ErrExists) {
					want = testDelivery()
					want.Payload = nil
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("the delivery that stands (-want +got):\n%s", diff)
				}
				if (err == nil) != (tt.want == nil) || len(sc.bodies) != tt.requests {
					t.Errorf("error = %v after %d requests, want %v after %d", err, len(sc.bodies), tt.want, tt.requests)
				}
				for _, body := range sc.bodies {
					if !strings.Contains(body, `"q":{"S":"token-1"}`) || !strings.Contains(body, `"TableName":"deliveries"`) {
						t.Errorf("request %s lacks the mark of the call, or is for another table", body)
					}
				}
			})
		})
	}
	s, sc := newScripted(t, ok)
	for _, at := range []time.Time{{}, time.UnixMilli(-1), time.UnixMilli(1 << 48)} {
		d := testDelivery()
		d.Time = at
		_, err := s.AddDelivery(t.Context(), d)
		if mustBe(t, err, webhook.ErrInvalid); len(sc.bodies) != 0 {
			t.Errorf("an event at %v was sent", at)
		}
	}
}

// The sort keys from which deliveries are read.
func TestDeliveriesFrom(t *testing.T) {
	for from, want := range map[time.Time]string{
		{}:                                     "D#000000000000",
		time.UnixMilli(-1):                     "D#000000000000",
		testTime:                               "D#019cb73d3271",
		testTime.Add(time.Nanosecond):          "D#019cb73d3272",
		time.UnixMilli(1<<48 - 1):              "D#ffffffffffff",
		time.UnixMilli(1<<48 - 1).Add(1):       "D#g",
		time.Unix(1<<40, 0):                    "D#g",
		testTime.In(time.FixedZone("x", 3600)): "D#019cb73d3271",
	} {
		if got := deliveriesFrom(from); got != want {
			t.Errorf("from %v: %q, want %q", from, got, want)
		}
	}
}

// A listing goes backwards through the pages, leaves out what has expired, and
// ends when it is told to.
func TestDeliveriesFollowPages(t *testing.T) {
	page := func(last string, times ...time.Time) step {
		items := make([]string, len(times))
		for i, at := range times {
			items[i] = fmt.Sprintf(`{"pk":{"S":"A#abbeycross#fleet-7"},"sk":{"S":"D#%012x#%032d"},"i":{"S":"i"},"y":{"S":"e"},`+
				`"u":{"S":"u"},"h":{"S":"w"},"c":{"N":"1"},"z":{"N":"%d"}}`, at.UnixMilli(), 0, at.Unix())
		}
		body := `{"Items":[` + strings.Join(items, ",") + `]`
		if last != "" {
			body += `,"LastEvaluatedKey":{"pk":{"S":"A#abbeycross#fleet-7"},"sk":{"S":"` + last + `"}}`
		}
		return says(http.StatusOK, body+"}")
	}
	at := func(n int) time.Time { return testTime.Add(time.Duration(n) * time.Second) }
	for _, tt := range []struct{ stop, requests int }{{0, 3}, {2, 1}, {3, 3}} {
		s, sc := newScripted(t, page("D#9", at(5), at(4)), page("D#8"), page("", at(3), at(2)))
		s.now = func() time.Time { return at(2) }
		var got []time.Time
		err := s.Deliveries(t.Context(), testAccount, testTime, func(d webhook.Delivery) bool {
			got = append(got, d.Time)
			return len(got) != tt.stop
		})
		want := []time.Time{at(5), at(4), at(3)}
		if tt.stop != 0 {
			want = want[:tt.stop]
		}
		if diff := cmp.Diff(want, got); err != nil || diff != "" || len(sc.bodies) != tt.requests {
			t.Errorf("stop at %d: %d requests, %v (-want +got):\n%s", tt.stop, len(sc.bodies), err, diff)
		}
		var first, second map[string]any
		if err := errors.Join(json.Unmarshal([]byte(sc.bodies[0]), &first), json.Unmarshal([]byte(sc.bodies[len(sc.bodies)-1]), &second)); err != nil {
			t.Fatal(err)
		}
		if first["ScanIndexForward"] != false || first["ConsistentRead"] != true || first["TableName"] != "deliveries" {
			t.Errorf("query %s", sc.bodies[0])
		}
		if tt.requests == 3 && !strings.Contains(sc.bodies[2], `"D#8"`) {
			t.Errorf("the third page was not asked for after the second: %s", sc.bodies[2])
		}
	}
}

// Without a second table nothing is sent, and the error says why.
func TestNoDeliveriesTable(t *testing.T) {
	s, sc := newScripted(t, says(http.StatusOK, `{}`))
	s.deliveries = nil
	_, addErr := s.AddDelivery(t.Context(), testDelivery())
	for _, err := range []error{
		addErr,
		s.Deliveries(t.Context(), testAccount, testTime, func(webhook.Delivery) bool { return true }),
	} {
		if mustBe(t, err); !errors.Is(err, errNoDeliveries) || len(sc.bodies) != 0 {
			t.Errorf("error = %v after %d requests", err, len(sc.bodies))
		}
	}
}
