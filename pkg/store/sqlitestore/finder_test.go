package sqlitestore

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"testing"

	"zombiezen.com/go/sqlite"
)

// reads are calls to a finder of which each waits in the middle of its read
// until it is let go.
type reads struct {
	s       *Store
	all     sync.WaitGroup
	started chan *pendingRead // those that have their turn
}

// pendingRead has its turn.
type pendingRead struct {
	shared bool // it reads from a snapshot that others read from, too
	rows   int  // webhooks that it sees
	err    error
	goOn   chan struct{}
}

// ask starts a read, and returns when it waits for its turn or has it.
func (r *reads) ask(ctx context.Context) {
	before := r.s.finder.came.Load()
	r.all.Go(func() {
		err := r.s.finder.read(ctx, func(conn *sqlite.Conn) error {
			p := &pendingRead{shared: r.s.finder.inSnapshot(), goOn: make(chan struct{})}
			p.rows, p.err = one(conn, "SELECT count(*) FROM webhook", func(r *row) (int, error) { return int(r.int()), nil })
			r.started <- p
			<-p.goOn
			return p.err
		})
		if err != nil {
			r.started <- &pendingRead{err: err}
		}
	})
	for r.s.finder.came.Load() == before {
		runtime.Gosched()
	}
}

// next gives the read that has its turn, which must see so many webhooks.
func (r *reads) next(t *testing.T, shared bool, rows int) *pendingRead {
	t.Helper()
	p := <-r.started
	if p.err != nil || p.shared != shared || p.rows != rows {
		t.Errorf("shared %t, %d webhooks, %v; want shared %t, %d", p.shared, p.rows, p.err, shared, rows)
	}
	return p
}

// Reads that wait share a snapshot, which is not older than they are. It ends
// with the last of them: nothing keeps the log from being carried over.
func TestReadsShareSnapshot(t *testing.T) {
	s, _ := openLogged(t)
	mustAdd(t, s, "a")
	r := &reads{s: s, started: make(chan *pendingRead)}
	r.ask(t.Context())
	alone := r.next(t, false, 1)
	const waiting = 5
	for range waiting {
		r.ask(t.Context())
	}
	mustAdd(t, s, "b")
	close(alone.goOn)
	for i := range waiting {
		p := r.next(t, true, 2)
		if i == 1 {
			mustAdd(t, s, "c")
		}
		close(p.goOn)
	}
	r.all.Wait()
	mustBeLetGo(t, s)
}

// A read that overtakes those that wait for a snapshot taken before it came
// gets a newer one, and so do they.
func TestReadOvertakes(t *testing.T) {
	s, _ := openLogged(t)
	f := s.finder
	f.mu.Lock()
	turn := func(number int64, want int) {
		t.Helper()
		f.gone++
		if err := f.enter(number); err != nil {
			t.Fatal(err)
		}
		n, err := one(f.conn, "SELECT count(*) FROM webhook", func(r *row) (int, error) { return int(r.int()), nil })
		if err != nil || n != want || !f.inSnapshot() {
			t.Errorf("call %d sees %d webhooks, %v, shared %t; want %d, shared", number, n, err, f.inSnapshot(), want)
		}
	}
	f.came.Store(3)
	turn(1, 0)
	mustAdd(t, s, "a")
	turn(2, 0)
	f.came.Store(4)
	turn(4, 1)
	mustAdd(t, s, "b")
	turn(3, 1)
	if f.left != 0 {
		t.Errorf("%d calls are left, want none", f.left)
	}
	if err := f.end(); err != nil {
		t.Fatal(err)
	}
	f.mu.Unlock()
	mustBeLetGo(t, s)
}

// mustBeLetGo fails the test if a read still has a snapshot.
func mustBeLetGo(t *testing.T, s *Store) {
	t.Helper()
	var busy bool
	err := s.writer.write(t.Context(), func(tx *session) (err error) {
		busy, err = checkpoint(tx)
		return err
	})
	if err != nil || busy {
		t.Errorf("checkpoint: busy = %t, %v", busy, err)
	}
}

// A read that fails, that panics, or whose client has left touches no other
// that waits with it.
func TestReadFailsAlone(t *testing.T) {
	s, _ := openLogged(t)
	mustAdd(t, s, "a")
	r := &reads{s: s, started: make(chan *pendingRead)}
	r.ask(t.Context())
	alone := r.next(t, false, 1)
	left, leave := context.WithCancel(t.Context())
	leave()
	results := make(chan error, 3)
	for name, call := range map[string]struct {
		ctx context.Context
		do  func(*sqlite.Conn) error
	}{
		"wrong":  {t.Context(), func(conn *sqlite.Conn) error { return script(conn, "SELECT nothing FROM nowhere") }},
		"panics": {t.Context(), func(*sqlite.Conn) error { panic("oh no") }},
		"left":   {left, func(*sqlite.Conn) error { t.Error("read for a client that has left"); return nil }},
	} {
		before := s.finder.came.Load()
		go func() {
			defer func() {
				if thrown := recover(); thrown != nil {
					results <- fmt.Errorf("%s: %v", name, thrown)
				}
			}()
			results <- s.finder.read(call.ctx, call.do)
		}()
		for s.finder.came.Load() == before {
			runtime.Gosched()
		}
	}
	r.ask(t.Context())
	close(alone.goOn)
	p := <-r.started
	if p.err != nil || p.rows != 1 {
		t.Errorf("the read beside them: %d webhooks, %v", p.rows, p.err)
	}
	close(p.goOn)
	cancelled := 0
	for range cap(results) {
		err := <-results
		if err == nil {
			t.Error("a read that fails gave no error")
		}
		if errors.Is(err, context.Canceled) {
			cancelled++
		}
	}
	if cancelled != 1 {
		t.Errorf("%d reads ended with their context, want 1", cancelled)
	}
	r.all.Wait()
	mustHold(t, s, "a")
	if _, err := s.Webhook(t.Context(), testAccount, "a"); err != nil {
		t.Errorf("after that: %v", err)
	}
	mustBeLetGo(t, s)
}

// A closed store says so, whatever is read.
func TestReadAfterClose(t *testing.T) {
	s, _ := openLogged(t)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Webhook(t.Context(), testAccount, "a"); !errors.Is(err, errClosed) {
		t.Errorf("Webhook: error = %v, want errClosed", err)
	}
	if list, err := s.Webhooks(t.Context(), testAccount); err == nil {
		t.Errorf("Webhooks = %v", list)
	}
}
