package sqlitestore

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"
	"testing"

	"github.com/hookline/hookline/pkg/webhook"
)

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
