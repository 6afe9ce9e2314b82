package sqlitestore

import (
	"context"
	"errors"
	"runtime"
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
		_, err := read(ctx, s.finder, do)
		result <- err
	}()
	return result
}

// askBehind starts a read while another one is held, and returns when it waits.
func askBehind(ctx context.Context, s *Store, do func(*sqlite.Conn) (int64, error)) (result chan error) {
	before := len(s.finder.waiting)
	result = ask(ctx, s, do)
	for len(s.finder.waiting) == before {
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
			if told := strings.Contains(log.String(), "finder_test.go"); told != (name == "panics") {
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
	for giveUp := time.Now().Add(patience); busy && time.Now().Before(giveUp); runtime.Gosched() {
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
	<-s.finder.closing
	close(h.goOn)
	<-s.lister.closing
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
			}, string(testAccount.Dialect), testAccount.ID)
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
