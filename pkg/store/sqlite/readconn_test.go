package sqlite

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"zombiezen.com/go/sqlite"

	"github.com/hookline/hookline/pkg/webhook"
)

// heldRead is a read that has its turn, and waits to be let go.
type heldRead struct {
	shared bool  // it reads from a snapshot that others read from, too
	rows   int64 // webhooks that it sees
	goOn   chan struct{}
}

// holding gives a read that tells held when it has its turn.
func holding(held chan<- heldRead) func(*sqlite.Conn) (int64, error) {
	return func(conn *sqlite.Conn) (int64, error) {
		n, err := countWebhooks(conn)
		h := heldRead{shared: !conn.AutocommitEnabled(), rows: n, goOn: make(chan struct{})}
		held <- h
		<-h.goOn
		return n, err
	}
}

// ask starts a read.
func ask(ctx context.Context, s *Store, do func(*sqlite.Conn) (int64, error)) (result chan error) {
	result = make(chan error, 1)
	go func() {
		_, err := read(ctx, s.reader, do)
		result <- err
	}()
	return result
}

// askBehind starts a read while another one is held, and returns when it waits.
func askBehind(ctx context.Context, s *Store, do func(*sqlite.Conn) (int64, error)) (result chan error) {
	before := len(s.reader.waiting)
	result = ask(ctx, s, do)
	for len(s.reader.waiting) == before {
		runtime.Gosched()
	}
	return result
}

func countWebhooks(conn *sqlite.Conn) (int64, error) {
	return one(conn, "SELECT count(*) FROM webhook", scanInt)
}

// Reads that wait share a snapshot, which is not older than they are; those
// that come while it is read get the next one. It ends with the last of them:
// nothing keeps the log from being carried over.
func TestReadsShareSnapshot(t *testing.T) {
	s, _ := openLogged(t)
	mustAdd(t, s, "a")
	held := make(chan heldRead)
	results := []chan error{ask(t.Context(), s, holding(held))}
	mustSee := func(shared bool, rows int64) heldRead {
		t.Helper()
		h := <-held
		if h.shared != shared || h.rows != rows {
			t.Errorf("shared %t, %d webhooks; want %t, %d", h.shared, h.rows, shared, rows)
		}
		return h
	}
	alone := mustSee(false, 1)
	for range 2 {
		results = append(results, askBehind(t.Context(), s, holding(held)))
	}
	mustAdd(t, s, "b")
	close(alone.goOn)
	first := mustSee(true, 2)
	mustAdd(t, s, "c")
	results = append(results, askBehind(t.Context(), s, holding(held)))
	close(first.goOn)
	close(mustSee(true, 2).goOn)
	close(mustSee(false, 3).goOn)
	for _, result := range results {
		if err := <-result; err != nil {
			t.Error(err)
		}
	}
	mustBeLetGo(t, s)
}

// A read that fails, that panics, or whose client has left touches no other
// that waits with it, also as the last of them.
func TestReadFailsAlone(t *testing.T) {
	wrong := func(conn *sqlite.Conn) (int64, error) { return 0, script(conn, "SELECT nothing FROM nowhere") }
	panics := func(*sqlite.Conn) (int64, error) { panic("oh no") }
	for name, do := range map[string]func(*sqlite.Conn) (int64, error){"wrong": wrong, "panics": panics} {
		t.Run(name, func(t *testing.T) {
			s, log := openLogged(t)
			mustAdd(t, s, "a")
			held := make(chan heldRead)
			alone := ask(t.Context(), s, holding(held))
			h := <-held
			ctx, leave := context.WithCancel(t.Context())
			left := askBehind(ctx, s, func(*sqlite.Conn) (int64, error) {
				t.Error("read for a client that has left")
				return 0, nil
			})
			fails := []chan error{askBehind(t.Context(), s, do)}
			beside := askBehind(t.Context(), s, countWebhooks)
			fails = append(fails, askBehind(t.Context(), s, do))
			leave()
			if err := <-left; !errors.Is(err, context.Canceled) {
				t.Errorf("while another reads: error = %v, want context.Canceled", err)
			}
			close(h.goOn)
			if err := errors.Join(<-alone, <-beside); err != nil {
				t.Error(err)
			}
			for _, result := range fails {
				if err := <-result; err == nil {
					t.Error("no error")
				}
			}
			mustBeLetGo(t, s)
			if told := strings.Contains(log.String(), "readconn_test.go"); told != (name == "panics") {
				t.Errorf("the log tells where it was: %t: %s", told, log)
			}
		})
	}
}

// mustBeLetGo fails the test if a read keeps its snapshot: it ends soon after
// the last of its reads was answered.
func mustBeLetGo(t *testing.T, s *Store) {
	t.Helper()
	busy := true
	for giveUp := time.Now().Add(timeout); busy && time.Now().Before(giveUp); runtime.Gosched() {
		err := s.writer.write(t.Context(), func(tx *session) (err error) {
			busy, err = checkpoint(tx)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if busy {
		t.Error("a read that has ended keeps the log from starting anew")
	}
}

// What waits when the store is closed is told so, and so is what comes later.
// The read that has its turn is made, and so is a list that is being read.
func TestReadsOfClosedStore(t *testing.T) {
	s, _ := openLogged(t)
	mustAdd(t, s, "a")
	held := make(chan heldRead)
	underWay := ask(t.Context(), s, holding(held))
	h := <-held
	waits := askBehind(t.Context(), s, countWebhooks)
	listing, goOn := make(chan struct{}), make(chan struct{})
	listed := make(chan error, 1)
	go func() {
		_, err := list(t.Context(), s, "SELECT 1", func(*row) (int64, error) {
			close(listing)
			<-goOn
			return 0, nil
		})
		listed <- err
	}()
	<-listing
	closed := make(chan error, 1)
	go func() { closed <- s.Close() }()
	<-s.reader.closing
	close(h.goOn)
	<-s.readers.closing
	close(goOn)
	if err := errors.Join(<-underWay, <-listed, <-closed); err != nil {
		t.Error(err)
	}
	// It may have had its turn before the finder ended.
	if err := <-waits; err != nil && !errors.Is(err, webhook.ErrUnavailable) {
		t.Errorf("what waited: error = %v, want ErrUnavailable", err)
	}
	if _, err := s.Webhook(t.Context(), testAccount, "a"); !errors.Is(err, webhook.ErrUnavailable) {
		t.Errorf("Webhook: error = %v, want ErrUnavailable", err)
	}
	if _, err := s.Webhooks(t.Context(), testAccount); !errors.Is(err, webhook.ErrUnavailable) {
		t.Errorf("Webhooks: error = %v, want ErrUnavailable", err)
	}
}

// Lists end with their context, also while they wait for a connection, and the
// file is closed well after that.
func TestListsThatEndEarly(t *testing.T) {
	s, _ := openLogged(t)
	mustAdd(t, s, "a", "b", "c")
	listing, goOn := make(chan struct{}), make(chan struct{})
	results := make(chan error, maxLists)
	ctx, cancel := context.WithCancel(t.Context())
	for range maxLists {
		go func() {
			first := true
			_, err := list(ctx, s, listWebhooks, func(*row) (int64, error) {
				if !first {
					t.Error("read on after the context has ended")
				}
				first = false
				listing <- struct{}{}
				<-goOn
				return 0, nil
			}, string(testAccount.API), testAccount.ID)
			results <- err
		}()
		<-listing
	}
	ended, end := context.WithCancel(t.Context())
	end()
	if _, err := s.Webhooks(ended, testAccount); !errors.Is(err, context.Canceled) {
		t.Errorf("a list that waits: error = %v, want context.Canceled", err)
	}
	cancel()
	close(goOn)
	for range maxLists {
		if err := <-results; !errors.Is(err, context.Canceled) {
			t.Errorf("error = %v, want context.Canceled", err)
		}
	}
	mustHold(t, s, "a", "b", "c")
	for range 20 {
		if _, err := s.SealingKeys(ended); !errors.Is(err, context.Canceled) {
			t.Fatalf("a list of nothing: error = %v, want context.Canceled", err)
		}
	}
}

// pendingDelivery is one that is accepted at a time, with an attempt due a
// second later and a lease of two minutes; payload is its payload's size.
func pendingDelivery(id string, accepted time.Time, payload int) webhook.Delivery {
	next := accepted.Add(time.Second)
	return webhook.Delivery{
		Account: testAccount, Event: "e", EventID: id, Time: accepted, AcceptedAt: accepted,
		Next: next, Due: next.Add(2 * time.Minute), Sends: 3, Payload: bytes.Repeat([]byte("1"), payload),
	}
}

func mustAddDelivery(t *testing.T, s *Store, d webhook.Delivery) webhook.Delivery {
	t.Helper()
	stored, err := s.AddDelivery(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	return stored
}

// end records of a delivery so that no attempt comes any more.
func end(t *testing.T, s *Store, d webhook.Delivery) {
	t.Helper()
	failed := d.Attempted(noon, 500, "answered 500", time.Time{})
	if _, err := s.RecordAttempt(t.Context(), webhook.AttemptResult{Was: d, Now: failed, Response: []byte("why")}); err != nil {
		t.Fatal(err)
	}
}

// count says how many rows a table has.
func count(t *testing.T, s *Store, table string) int64 {
	t.Helper()
	n, err := find(t.Context(), s, "SELECT count(*) FROM "+table, scanInt)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

var noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

// A dead process's leases end with it: what its queue held is due when its
// attempt is. What is due in any case, and what was not sent for, stays.
func TestVoidLeases(t *testing.T) {
	s, _ := openLogged(t)
	held := mustAddDelivery(t, s, pendingDelivery("held", noon, 1))
	over := mustAddDelivery(t, s, pendingDelivery("over", noon.Add(-time.Hour), 1))
	unsent := pendingDelivery("unsent", noon.Add(time.Hour), 1)
	unsent.Due, unsent.Sends = unsent.Next, 0
	unsent = mustAddDelivery(t, s, unsent)
	ended := mustAddDelivery(t, s, pendingDelivery("ended", noon, 1))
	end(t, s, ended)
	if err := s.VoidLeases(t.Context(), noon); err != nil {
		t.Fatal(err)
	}
	held.Due, held.Sends = held.Next, 0
	ended = ended.Cancelled("ended")
	for _, want := range []webhook.Delivery{held, over, unsent, ended} {
		got, err := s.Delivery(t.Context(), testAccount, want.ID())
		if err != nil || !got.Due.Equal(want.Due) || !got.Next.Equal(want.Next) || got.Sends != want.Sends {
			t.Errorf("%s: due %v, next %v, sends %d, %v; want %v, %v, %d",
				want.EventID, got.Due, got.Next, got.Sends, err, want.Due, want.Next, want.Sends)
		}
	}
}

// Old deliveries go with their attempts and payloads, wherever those were kept; what has an
// attempt to come stays however old it is, and so does what is young.
func TestPurge(t *testing.T) {
	s, _ := openLogged(t)
	const old = 3*purgePage + 1
	var want []string
	for i := range old {
		d := mustAddDelivery(t, s, pendingDelivery(fmt.Sprint(i), noon.Add(time.Duration(i)*time.Millisecond), i%2*2*smallPayload))
		if i%7 == 0 {
			want = append(want, d.ID())
			continue
		}
		end(t, s, d)
	}
	for i := range 5 {
		d := mustAddDelivery(t, s, pendingDelivery(fmt.Sprint("young", i), noon.Add(time.Hour), 2*smallPayload))
		end(t, s, d)
		want = append(want, d.ID())
	}
	payloads := 5
	for i := 0; i < old; i += 7 {
		payloads += i % 2
	}
	for _, expected := range []int{old - len(want) + 5, 0} {
		if n, err := s.Purge(t.Context(), noon.Add(time.Hour)); err != nil || n != expected {
			t.Fatalf("Purge = %d, %v, want %d", n, err, expected)
		}
		var got []string
		err := s.Deliveries(t.Context(), testAccount, time.Time{}, func(d webhook.Delivery) bool {
			got = append(got, d.ID())
			return true
		})
		slices.Sort(got)
		slices.Sort(want)
		if err != nil || !slices.Equal(got, want) {
			t.Fatalf("%d deliveries are left, %v, want %d", len(got), err, len(want))
		}
		if n := count(t, s, "payload"); n != int64(payloads) {
			t.Errorf("%d payloads are left, want %d", n, payloads)
		}
		if n := count(t, s, "attempt"); n != 5 {
			t.Errorf("%d attempts are left, want 5", n)
		}
	}
}

// Purge ends with the context, and what it has removed stays removed.
func TestPurgeCancelled(t *testing.T) {
	s, _ := openLogged(t)
	end(t, s, mustAddDelivery(t, s, pendingDelivery("old", noon, 1)))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if n, err := s.Purge(ctx, noon.Add(time.Hour)); n != 0 || !errors.Is(err, context.Canceled) {
		t.Errorf("Purge = %d, %v, want 0 and context.Canceled", n, err)
	}
}

// What another process writes is noticed once; what this one writes or reads
// is not.
func TestForeignWrites(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hookline.db")
	s, other := mustOpen(t, path), mustOpen(t, path)
	notice := func(want bool, after string) {
		t.Helper()
		if got, err := s.ForeignWrites(t.Context()); err != nil || got != want {
			t.Errorf("after %s: ForeignWrites = %t, %v, want %t", after, got, err, want)
		}
	}
	notice(true, "the start")
	notice(false, "nothing")
	mustAddDelivery(t, s, pendingDelivery("own", noon, 1))
	notice(false, "a write of its own")
	d := mustAddDelivery(t, other, pendingDelivery("other", noon, 1))
	notice(true, "another's write")
	notice(false, "nothing")
	if _, err := other.Delivery(t.Context(), testAccount, d.ID()); err != nil {
		t.Fatal(err)
	}
	notice(false, "another's read")
	end(t, other, d)
	end(t, s, pendingDelivery("own", noon, 1))
	notice(true, "writes of both")
}

func mustOpen(t *testing.T, path string) *Store {
	t.Helper()
	s, err := Open(path, Options{})
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

// A file of every earlier version is brought to the present one, and keeps its
// webhooks.
func TestMigrate(t *testing.T) {
	steps := migrations()
	for version := 1; version < len(steps); version++ {
		path := filepath.Join(t.TempDir(), "hookline.db")
		file, err := prepareFile(path)
		if err != nil {
			t.Fatal(err)
		}
		session, err := openFormer(file, steps[:version])
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(session.setWhole(), session.close()); err != nil {
			t.Fatal(err)
		}
		s := mustOpen(t, path)
		if got, err := s.Webhook(t.Context(), testAccount, "e"); err != nil || got.ID != "w" || got.DisabledReason != "" {
			t.Errorf("from version %d: webhook %+v, %v", version, got, err)
		}
		mustAddDelivery(t, s, pendingDelivery("new", noon, 2*smallPayload))
	}
}

// openFormer makes a file of a former version, with one webhook.
func openFormer(file dbFile, steps []string) (*session, error) {
	conn, err := file.open()
	if err != nil {
		return nil, err
	}
	s := &session{conn: conn}
	for _, step := range append(slices.Clone(steps), fmt.Sprintf(`PRAGMA application_id = %d; PRAGMA user_version = %d;
		INSERT INTO webhook (dialect, account, event, id, claim, url, send_payload, position, disabled, version, created_at, failed_attempts)
		VALUES ('%s', '%s', 'e', 'w', 'c', 'https://receiver.example/', 0, 0, 0, 1, 1, 0)`,
		applicationID, len(steps), testAccount.API, testAccount.ID)) {
		if err := script(s.conn, step); err != nil {
			return s, err
		}
	}
	return s, nil
}
