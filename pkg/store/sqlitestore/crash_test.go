package sqlitestore_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"github.com/hookline/hookline/internal/test/long"
	"github.com/hookline/hookline/pkg/store/sqlitestore"
	"github.com/hookline/hookline/pkg/webhook"
)

// newWebhook makes a record whose id tells its event.
func newWebhook(a webhook.Account, event string) webhook.Webhook {
	return webhook.Webhook{Account: a, Event: event, ID: "id-of-" + event, Claim: "claim-of-" + event, URL: "https://receiver.example/" + event,
		SealedKey: []byte("sealed " + event), Version: 1}
}

// batchOf names the events that are created in one go with event.
func batchOf(event string) []string { return []string{event + "/a", event + "/b", event + "/c"} }

// createUntilKilled creates webhooks of the account from 16 goroutines, every
// fourth of which creates batches, and prints the event of each creation that
// has returned. The argument is "<path> <account id>".
func createUntilKilled(ctx context.Context, argument string) error {
	path, id, _ := strings.Cut(argument, " ")
	s, err := sqlitestore.Open(path, sqlitestore.Options{})
	if err != nil {
		return err
	}
	account := webhook.Account{Dialect: "squake", ID: id}
	failed := make(chan error)
	for worker := range 16 {
		go func() {
			for n := 0; ; n++ {
				event := fmt.Sprintf("%d-%d", worker, n)
				c := webhook.Creation{Webhooks: []webhook.Webhook{newWebhook(account, event)}}
				if worker%4 == 0 {
					c.Webhooks = nil
					for _, e := range batchOf(event) {
						c.Webhooks = append(c.Webhooks, newWebhook(account, e))
					}
				}
				if _, err := s.Create(ctx, c); err != nil {
					failed <- err
					return
				}
				fmt.Fprintf(os.Stdout, "%d %s\n", len(c.Webhooks), event)
			}
		}()
	}
	return <-failed
}

// The process is killed again and again under load. Every creation that had returned
// stands after that, no batch stands in part, and the file is sound.
func TestKilledUnderLoad(t *testing.T) {
	kills := long.Pick(6, 25)
	path := newPath(t)
	for round := range kills {
		account := webhook.Account{Dialect: "squake", ID: fmt.Sprintf("round-%d", round)}
		writer := startChild(t, "create", path+" "+account.ID)
		var answered []string
		enough := 1 + round*240/kills*4
		for writer.lines.Scan() {
			answered = append(answered, writer.lines.Text())
			if len(answered) == enough {
				if err := writer.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := writer.Wait(); err == nil || len(answered) < enough {
			t.Fatalf("the process ended by itself after %d answers: %v\n%s", len(answered), err, writer.stderr.String())
		}
		mustStand(t, path, account, answered)
	}
	mustBeSound(t, path)
}

// mustStand fails the test unless all that was answered stands, and every
// batch stands whole.
func mustStand(t *testing.T, path string, account webhook.Account, answered []string) {
	t.Helper()
	s, err := sqlitestore.Open(path, sqlitestore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	list, err := s.Webhooks(t.Context(), account)
	if err != nil {
		t.Fatal(err)
	}
	stands := map[string]bool{}
	batches := map[string]int{}
	for _, w := range list {
		if w.ID != "id-of-"+w.Event || string(w.SealedKey) != "sealed "+w.Event {
			t.Errorf("webhook of %s is damaged: %+v", w.Event, w)
		}
		stands[w.Event] = true
		if batch, _, found := strings.Cut(w.Event, "/"); found {
			batches[batch]++
		}
	}
	for batch, n := range batches {
		if n != len(batchOf(batch)) {
			t.Errorf("of batch %s only %d webhooks stand", batch, n)
		}
	}
	for _, line := range answered {
		size, event, _ := strings.Cut(line, " ")
		if size == "1" && !stands[event] || size != "1" && batches[event] == 0 {
			t.Errorf("creation %s was answered and does not stand", line)
		}
	}
}

// mustBeSound runs SQLite's own check of the file, which must not be open.
func mustBeSound(t *testing.T, path string) {
	t.Helper()
	conn, err := sqlite.OpenConn(path, sqlite.OpenReadWrite)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	verdict, err := sqlitex.ResultText(conn.Prep("PRAGMA integrity_check"))
	if err != nil || verdict != "ok" {
		t.Fatalf("integrity_check = %q, %v", verdict, err)
	}
}

// runOperator opens the store, adds one account and closes it, operatorWrites
// times, as the command line does beside a server.
func runOperator(ctx context.Context, path string) error {
	for n := range operatorWrites() {
		s, err := sqlitestore.Open(path, sqlitestore.Options{})
		if err != nil {
			return err
		}
		account := webhook.Account{Dialect: "squake", ID: fmt.Sprintf("operator-%d", n)}
		if err := s.CreateAccount(ctx, webhook.AccountInfo{Account: account}); err != nil {
			return err
		}
		if err := s.Close(); err != nil {
			return err
		}
	}
	return nil
}

func operatorWrites() int { return long.Pick(30, 200) }

// Another process writes while this one is under full load: nobody
// fails, and this one sees what the other wrote.
func TestOperatorBesideLoad(t *testing.T) {
	path := newPath(t)
	s := open(t, path)
	account := webhook.Account{Dialect: "squake", ID: "busy"}
	stop := make(chan struct{})
	var load sync.WaitGroup
	for worker := range 16 {
		load.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				w := newWebhook(account, fmt.Sprintf("%d-%d", worker, n))
				if _, err := s.Create(t.Context(), webhook.Creation{Webhooks: []webhook.Webhook{w}}); err != nil {
					t.Errorf("creation beside the operator: %v", err)
					return
				}
			}
		})
	}
	runChild(t, "operator", path)
	close(stop)
	load.Wait()
	accounts, err := s.Accounts(t.Context(), "squake")
	if err != nil || len(accounts) != operatorWrites() {
		t.Fatalf("%d of the operator's %d accounts stand, %v", len(accounts), operatorWrites(), err)
	}
}
