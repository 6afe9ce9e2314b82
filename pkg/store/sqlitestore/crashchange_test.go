package sqlitestore_test

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/hookline/hookline/internal/test/long"
	"github.com/hookline/hookline/pkg/store/sqlitestore"
	"github.com/hookline/hookline/pkg/webhook"
)

const (
	changers = 8
	// groupSize is how many records each changer moves in one go.
	groupSize = 3
)

// group gives the records of a changer after its n-th move; those of the n-th
// move are on events that no other move of it uses.
func group(a webhook.Account, changer, n int) []webhook.Webhook {
	records := make([]webhook.Webhook, groupSize)
	for i := range records {
		records[i] = webhook.Webhook{
			Account: a, Event: fmt.Sprintf("%d-%d-%d", changer, n, i), ID: fmt.Sprint(changer), Claim: fmt.Sprint(changer),
			URL: fmt.Sprintf("https://receiver.example/%d", n), Position: i, Version: int64(n + 1),
		}
	}
	return records
}

// changeUntilKilled moves groups of webhooks on and on, from one goroutine
// each, every fourth time by deleting and creating them; it prints each move
// that has returned. The argument is "<path> <account id>".
func changeUntilKilled(ctx context.Context, argument string) error {
	path, id, _ := strings.Cut(argument, " ")
	s, err := sqlitestore.Open(path, sqlitestore.Options{})
	if err != nil {
		return err
	}
	account := webhook.Account{Dialect: "squake", ID: id}
	failed := make(chan error)
	for changer := range changers {
		go func() { failed <- changeOn(ctx, s, account, changer) }()
	}
	return <-failed
}

// changeOn is one changer: it returns only when it fails.
func changeOn(ctx context.Context, s *sqlitestore.Store, account webhook.Account, changer int) error {
	was := group(account, changer, 0)
	if _, err := s.Create(ctx, webhook.Creation{Webhooks: was}); err != nil {
		return err
	}
	for n := 1; ; n++ {
		now := group(account, changer, n)
		if n%4 == 0 {
			if err := s.Delete(ctx, was); err != nil {
				return err
			}
			if _, err := s.Create(ctx, webhook.Creation{Webhooks: now}); err != nil {
				return err
			}
		} else if err := s.Change(ctx, webhook.Change{Was: was, Now: now}); err != nil {
			return err
		}
		fmt.Fprintf(os.Stdout, "%d %d\n", changer, n)
		was = now
	}
}

// The process is killed under load of changes and deletions. What was
// answered stands, or the whole of the one move that may have followed.
func TestKilledWhileChanging(t *testing.T) {
	kills := long.Pick(4, 10)
	path := newPath(t)
	for round := range kills {
		account := webhook.Account{Dialect: "squake", ID: fmt.Sprintf("round-%d", round)}
		writer := startChild(t, "change", path+" "+account.ID)
		answered := make([]int, changers)
		lines := 0
		for writer.lines.Scan() {
			changer, n, _ := strings.Cut(writer.lines.Text(), " ")
			i, err := strconv.Atoi(changer)
			if err != nil {
				t.Fatal(err)
			}
			if answered[i], err = strconv.Atoi(n); err != nil {
				t.Fatal(err)
			}
			if lines++; lines == 1+round*40 {
				if err := writer.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := writer.Wait(); err == nil || lines < 1+round*40 {
			t.Fatalf("the process ended by itself after %d answers: %v\n%s", lines, err, writer.stderr.String())
		}
		mustHaveMoved(t, path, account, answered)
	}
	mustBeSound(t, path)
}

// mustHaveMoved fails the test unless each changer's records stand as its last
// answered move left them, or the next one.
func mustHaveMoved(t *testing.T, path string, account webhook.Account, answered []int) {
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
	stands := map[string]webhook.Webhook{}
	for _, w := range list {
		stands[w.Event] = w
	}
	has := func(changer, n int) bool {
		for _, want := range group(account, changer, n) {
			got, found := stands[want.Event]
			if !found || got.URL != want.URL || got.Version != want.Version || got.ID != want.ID {
				return false
			}
		}
		return true
	}
	for changer, n := range answered {
		// A changer may have been killed before its records were created, or
		// between a deletion and the creation that follows.
		mayBeGone := n == 0 || (n+1)%4 == 0
		switch own := ownedBy(list, changer); {
		case own == groupSize && (has(changer, n) || has(changer, n+1)):
		case own == 0 && mayBeGone:
		default:
			t.Errorf("changer %d: after move %d was answered %d records stand: %+v", changer, n, own, list)
		}
	}
}

// ownedBy counts the records of a changer.
func ownedBy(list []webhook.Webhook, changer int) int {
	count := 0
	for _, w := range list {
		if w.ID == fmt.Sprint(changer) {
			count++
		}
	}
	return count
}
