package sqlite

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/hookline/hookline/pkg/webhook"
)

var testAccount = webhook.Account{API: "squake", ID: "acme"}

// openLogged opens a new store, and gives what it logs. When the test ends,
// the store must close every connection it ever had: SQLite then leaves one
// file behind.
func openLogged(t *testing.T) (*Store, *bytes.Buffer) {
	t.Helper()
	var log bytes.Buffer
	dir := t.TempDir()
	s, err := Open(filepath.Join(dir, "hookline.db"), Options{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if files, err := os.ReadDir(dir); err != nil || len(files) != 1 {
			t.Errorf("files of the closed store: %v, %v", files, err)
		}
	})
	return s, &log
}

// hold makes the writer stop in the middle of a group until release is
// called.
func hold(t *testing.T, s *Store) (release func()) {
	t.Helper()
	held, released := make(chan struct{}), make(chan struct{})
	queueWrite(t.Context(), s, func(*session) error {
		close(held)
		<-released
		return nil
	})
	<-held
	return func() { close(released) }
}

// pendingWrite is a write that has not returned yet.
type pendingWrite chan error

// queueWrite starts do as a request of its own, and returns when it is in
// the queue.
func queueWrite(ctx context.Context, s *Store, do func(*session) error) pendingWrite {
	before := s.writer.acceptedSoFar()
	p := make(pendingWrite, 1)
	go func() { p <- s.writer.write(ctx, do) }()
	waitAccepted(s, before)
	return p
}

// waitAccepted returns when a request is queued that is not among the first
// before.
func waitAccepted(s *Store, before int64) {
	for s.writer.acceptedSoFar() == before {
		runtime.Gosched()
	}
}

// adding gives the do of a request that creates one webhook.
func adding(event string) func(*session) error {
	return func(tx *session) error {
		return tx.createOne(&webhook.Webhook{Account: testAccount, Event: event, ID: event, Version: 1})
	}
}

// spoilCommit makes the commit of its group fail in a way that says nothing. It
// is the group's last request: statements would fail too.
func spoilCommit(tx *session) error {
	interrupted := make(chan struct{})
	close(interrupted)
	tx.conn.SetInterrupt(interrupted)
	return nil
}

// mustHold fails the test unless exactly want is registered.
func mustHold(t *testing.T, s *Store, want ...string) {
	t.Helper()
	list, err := s.Webhooks(t.Context(), testAccount)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, w := range list {
		got = append(got, w.Event)
	}
	if !slices.Equal(got, want) {
		t.Errorf("registered events = %v, want %v", got, want)
	}
}

// A request whose client leaves before its turn is dropped; the others of the
// queue are written, in one commit.
func TestLeavingTheQueue(t *testing.T) {
	s, _ := openLogged(t)
	release := hold(t, s)
	commits := s.Commits()
	leaving, leave := context.WithCancel(t.Context())
	first := queueWrite(t.Context(), s, adding("a"))
	gone := queueWrite(leaving, s, adding("b"))
	last := queueWrite(t.Context(), s, adding("c"))
	leave()
	if err := <-gone; !errors.Is(err, context.Canceled) {
		t.Errorf("error = %v, want context.Canceled", err)
	}
	release()
	if err := errors.Join(<-first, <-last); err != nil {
		t.Error(err)
	}
	mustHold(t, s, "a", "c")
	if n := s.Commits() - commits; n != 1 {
		t.Errorf("%d commits for one group", n)
	}
}

// A client that leaves in the middle of a shared commit is told so at once;
// the others are written.
func TestLeavingTheGroup(t *testing.T) {
	s, _ := openLogged(t)
	release := hold(t, s)
	leaving, leave := context.WithCancel(t.Context())
	gone := queueWrite(leaving, s, adding("a"))
	stays := queueWrite(t.Context(), s, adding("b"))
	begun, finish := make(chan struct{}), make(chan struct{})
	slow := queueWrite(t.Context(), s, func(*session) error {
		close(begun)
		<-finish
		return nil
	})
	release()
	<-begun
	leave()
	if err := <-gone; !errors.Is(err, context.Canceled) {
		t.Errorf("error = %v, want context.Canceled", err)
	}
	close(finish)
	if err := errors.Join(<-stays, <-slow); err != nil {
		t.Error(err)
	}
	mustHold(t, s, "a", "b") // the first may stand, and here it does
}

// A request that fails by itself leaves nothing behind and touches no other
// of its group.
func TestFailingAlone(t *testing.T) {
	s, _ := openLogged(t)
	release := hold(t, s)
	before := queueWrite(t.Context(), s, adding("a"))
	fails := queueWrite(t.Context(), s, func(tx *session) error {
		return tx.whole(func() error {
			if err := adding("b")(tx); err != nil {
				return err
			}
			_, err := tx.run(insertAccount, nil, "x", 0, false, nil) // NOT NULL
			return err
		})
	})
	after := queueWrite(t.Context(), s, adding("c"))
	release()
	if err := <-fails; err == nil || errors.Is(err, webhook.ErrUnavailable) {
		t.Errorf("error of the statement = %v", err)
	}
	if err := errors.Join(<-before, <-after); err != nil {
		t.Error(err)
	}
	mustHold(t, s, "a", "c")
}

// A panic fails the group that it happens in, is logged, and leaves nobody
// waiting; the writer goes on.
func TestPanicInWriter(t *testing.T) {
	s, log := openLogged(t)
	release := hold(t, s)
	before := queueWrite(t.Context(), s, adding("a"))
	panics := queueWrite(t.Context(), s, func(*session) error { panic("oh no") })
	after := queueWrite(t.Context(), s, adding("b"))
	release()
	for _, p := range []pendingWrite{before, panics, after} {
		if err := <-p; !errors.Is(err, webhook.ErrUnavailable) {
			t.Errorf("error = %v, want ErrUnavailable", err)
		}
	}
	mustHold(t, s)
	if err := s.writer.write(t.Context(), adding("c")); err != nil {
		t.Fatalf("after the panic: %v", err)
	}
	mustHold(t, s, "c")
	if !strings.Contains(log.String(), "oh no") || !strings.Contains(log.String(), "writer_test.go") {
		t.Errorf("the log does not tell the panic and where it was: %s", log)
	}
}

// A full database fails the whole group with nothing written; while it stays
// full every group fails; with room again, the same store works.
func TestFullDatabase(t *testing.T) {
	s, _ := openLogged(t)
	var room bool // read and written by requests, hence on the writer's goroutine only
	const noRoom = "PRAGMA max_page_count = 1"
	reopen := s.writer.open
	limit := func(tx *session) error { return script(tx.conn, noRoom) }
	err := s.writer.write(t.Context(), func(tx *session) error {
		s.writer.open = func() (*session, error) {
			tx, err := reopen()
			if err == nil && !room {
				err = limit(tx)
			}
			return tx, err
		}
		return limit(tx)
	})
	if err != nil {
		t.Fatal(err)
	}
	large := func(event string) func(*session) error {
		return func(tx *session) error {
			return tx.createOne(&webhook.Webhook{Account: testAccount, Event: event, ID: event,
				URL: strings.Repeat("x", 1<<20), Version: 1})
		}
	}
	for range 3 {
		release := hold(t, s)
		small := queueWrite(t.Context(), s, adding("small"))
		big := queueWrite(t.Context(), s, large("big"))
		release()
		for _, p := range []pendingWrite{small, big} {
			if err := <-p; !errors.Is(err, webhook.ErrUnavailable) || !strings.Contains(fmt.Sprint(err), "full") {
				t.Errorf("error = %v, want ErrUnavailable, disk full", err)
			}
		}
		mustHold(t, s)
	}
	err = s.writer.write(t.Context(), func(tx *session) error {
		room = true
		return script(tx.conn, "PRAGMA max_page_count = 1000000")
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.writer.write(t.Context(), large("big")); err != nil {
		t.Fatalf("with room again: %v", err)
	}
	mustHold(t, s, "big")
}

// Close answers what was accepted before it, and refuses what comes after.
func TestCloseFinishes(t *testing.T) {
	s, _ := openLogged(t)
	release := hold(t, s)
	accepted := queueWrite(t.Context(), s, adding("a"))
	closed := make(chan error)
	go func() { closed <- s.Close() }()
	for !s.writer.isClosing() {
		runtime.Gosched()
	}
	if err := s.writer.write(t.Context(), adding("b")); !errors.Is(err, webhook.ErrUnavailable) {
		t.Errorf("write after Close: error = %v, want ErrUnavailable", err)
	}
	release()
	if err := errors.Join(<-accepted, <-closed, s.Close()); err != nil {
		t.Error(err)
	}
}

// A store that cannot mark its file, as on a full disk, is closed all the same.
// The file keeps its log and everything in it.
func TestCloseWithoutMark(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hookline.db")
	var log bytes.Buffer
	s, err := Open(path, Options{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.writer.session.close() })
	if err := s.writer.write(t.Context(), adding("a")); err != nil {
		t.Fatal(err)
	}
	if err := s.writer.write(t.Context(), func(tx *session) error { return script(tx.conn, "PRAGMA query_only = ON") }); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Errorf("Close = %v", err)
	}
	if !strings.Contains(log.String(), "keeps its log") {
		t.Errorf("the log does not say that the file is not marked: %s", &log)
	}
	if !dbFile(path).hasLog() {
		t.Error("there is no log")
	}
	again, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	mustHold(t, again, "a")
	if err := again.Close(); err != nil {
		t.Error(err)
	}
}

// What a killed process cannot show, and a power cut could: each commit is
// synced to disk. And what reads cannot write.
func TestConnectionSettings(t *testing.T) {
	s, _ := openLogged(t)
	for pragma, want := range map[string]string{
		"synchronous":    "2", // FULL
		"journal_mode":   "wal",
		"application_id": fmt.Sprint(applicationID),
		"user_version":   fmt.Sprint(len(migrations())),
	} {
		var got string
		err := s.writer.write(t.Context(), func(tx *session) (err error) {
			got, err = one(tx.conn, "PRAGMA "+pragma, scanText)
			return err
		})
		if err != nil || got != want {
			t.Errorf("%s = %q, %v, want %q", pragma, got, err, want)
		}
	}
	const write = "DELETE FROM webhook"
	if _, err := find(t.Context(), s, write, scanText); err == nil || errors.Is(err, webhook.ErrNotFound) {
		t.Error("the connection for short reads writes")
	}
	if _, err := list(t.Context(), s, write, scanText); err == nil {
		t.Error("a connection for long reads writes")
	}
}

// A disk without room for a new file is named as such, and the name of no
// temporary file is shown.
func TestExplainFullDisk(t *testing.T) {
	err := explain("/data/hookline.db", &fs.PathError{Op: "open", Path: "/data/.hookline.db.123", Err: syscall.ENOSPC})
	if !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), "make room on the disk of /data") ||
		strings.Contains(err.Error(), ".123") {
		t.Errorf("error = %v", err)
	}
}

// A commit that may come back after a crash is told as such: a single
// creation can be tried again, everything else is the store's own fault.
func TestUncertainCommit(t *testing.T) {
	s, _ := openLogged(t)
	release := hold(t, s)
	results := make(chan error, 2)
	batch := []webhook.Webhook{{Account: testAccount, Event: "b", ID: "b"}, {Account: testAccount, Event: "c", ID: "c"}}
	for _, c := range []webhook.Creation{{Webhooks: []webhook.Webhook{{Account: testAccount, Event: "a", ID: "a"}}}, {Webhooks: batch}} {
		before := s.writer.acceptedSoFar()
		go func() { _, err := s.Create(t.Context(), c); results <- err }()
		waitAccepted(s, before)
	}
	spoiled := queueWrite(t.Context(), s, spoilCommit)
	release()
	var unknown, own int
	for range 2 {
		switch err := <-results; {
		case errors.Is(err, webhook.ErrUnavailable):
			t.Errorf("error = %v, which says that nothing was written", err)
		case errors.Is(err, webhook.ErrUnknownOutcome):
			unknown++
		case err != nil:
			own++
		}
	}
	if err := <-spoiled; unknown != 1 || own != 1 || !errors.Is(err, errUncertain) {
		t.Errorf("%d of unknown outcome, %d own faults, want 1 and 1; %v", unknown, own, err)
	}
	mustHold(t, s)
	if err := s.writer.write(t.Context(), adding("d")); err != nil {
		t.Errorf("after that: %v", err)
	}
}
