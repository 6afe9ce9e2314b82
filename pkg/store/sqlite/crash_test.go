package sqlite_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/hookline/hookline/internal/test/long"
	"github.com/hookline/hookline/internal/test/memory"
	"github.com/hookline/hookline/pkg/store/sqlite"
	"github.com/hookline/hookline/pkg/webhook"
)

// newWebhook makes a record whose id tells its event.
func newWebhook(a webhook.Account, event string) webhook.Webhook {
	return webhook.Webhook{Account: a, Event: event, ID: "id-of-" + event, RequestID: "claim-of-" + event, URL: "https://receiver.example/" + event,
		SealedKey: []byte("sealed " + event), Version: 1}
}

// batchOf names the events that are created in one go with event.
func batchOf(event string) []string { return []string{event + "/a", event + "/b", event + "/c"} }

// creators is how many goroutines create webhooks at once.
const creators = 16

// accountOf is the account of one of them.
func accountOf(id string, creator int) webhook.Account {
	return webhook.Account{API: "squake", ID: fmt.Sprint(id, "-", creator)}
}

// createUntilKilled creates webhooks from goroutines with an account each, every
// fourth of which creates batches, and prints the event of each creation that
// has returned. The argument is "<path> <start of the accounts' ids>".
func createUntilKilled(ctx context.Context, argument string) error {
	path, id, _ := strings.Cut(argument, " ")
	s, err := sqlite.Open(path, sqlite.Options{})
	if err != nil {
		return err
	}
	failed := make(chan error)
	for worker := range creators {
		account := accountOf(id, worker)
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

// The process is killed again and again under load. Every creation that had
// returned stands after that, no batch stands in part, and the file is sound.
func TestKilledUnderLoad(t *testing.T) {
	kills := long.Pick(6, 25)
	path := newPath(t)
	for round := range kills {
		id := fmt.Sprintf("round-%d", round)
		writer := startChild(t, "create", path+" "+id)
		var responded []string
		enough := 1 + round*240/kills*4
		writer.killAfter(t, enough, func(line string) { responded = append(responded, line) })
		mustStand(t, path, id, responded)
	}
	memory.CheckIntegrity(t, path)
}

// mustStand fails the test unless all that was answered stands, and every
// batch stands whole.
func mustStand(t *testing.T, path, id string, responded []string) {
	t.Helper()
	s, err := sqlite.Open(path, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var list []webhook.Webhook
	for creator := range creators {
		own, err := s.Webhooks(t.Context(), accountOf(id, creator))
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, own...)
	}
	existing := map[string]bool{}
	batches := map[string]int{}
	for _, w := range list {
		if w.ID != "id-of-"+w.Event || string(w.SealedKey) != "sealed "+w.Event {
			t.Errorf("webhook of %s is damaged: %+v", w.Event, w)
		}
		existing[w.Event] = true
		if batch, _, found := strings.Cut(w.Event, "/"); found {
			batches[batch]++
		}
	}
	for batch, n := range batches {
		if n != len(batchOf(batch)) {
			t.Errorf("of batch %s only %d webhooks stand", batch, n)
		}
	}
	for _, line := range responded {
		size, event, _ := strings.Cut(line, " ")
		if size == "1" && !existing[event] || size != "1" && batches[event] == 0 {
			t.Errorf("creation %s was answered and does not stand", line)
		}
	}
}

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
			Account: a, Event: fmt.Sprintf("%d-%d-%d", changer, n, i), ID: fmt.Sprint(changer), RequestID: fmt.Sprint(changer),
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
	s, err := sqlite.Open(path, sqlite.Options{})
	if err != nil {
		return err
	}
	account := webhook.Account{API: "squake", ID: id}
	failed := make(chan error)
	for changer := range changers {
		go func() { failed <- changeOn(ctx, s, account, changer) }()
	}
	return <-failed
}

// changeOn is one changer: it returns only when it fails.
func changeOn(ctx context.Context, s *sqlite.Store, account webhook.Account, changer int) error {
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
		account := webhook.Account{API: "squake", ID: fmt.Sprintf("round-%d", round)}
		writer := startChild(t, "change", path+" "+account.ID)
		responded := make([]int, changers)
		writer.killAfter(t, 1+round*40, func(line string) {
			changer, n, _ := strings.Cut(line, " ")
			i, err := strconv.Atoi(changer)
			if err != nil {
				t.Fatal(err)
			}
			if responded[i], err = strconv.Atoi(n); err != nil {
				t.Fatal(err)
			}
		})
		mustHaveMoved(t, path, account, responded)
	}
	memory.CheckIntegrity(t, path)
}

// mustHaveMoved fails the test unless each changer's records stand as its last
// answered move left them, or the next one.
func mustHaveMoved(t *testing.T, path string, account webhook.Account, responded []int) {
	t.Helper()
	s, err := sqlite.Open(path, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	list, err := s.Webhooks(t.Context(), account)
	if err != nil {
		t.Fatal(err)
	}
	existing := map[string]webhook.Webhook{}
	for _, w := range list {
		existing[w.Event] = w
	}
	has := func(changer, n int) bool {
		for _, want := range group(account, changer, n) {
			got, found := existing[want.Event]
			if !found || got.URL != want.URL || got.Version != want.Version || got.ID != want.ID {
				return false
			}
		}
		return true
	}
	for changer, n := range responded {
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

// Some tests need a process of its own: the test binary, started again with
// the name of a child and its argument in the environment.
const (
	childVariable    = "SQLITESTORE_TEST_CHILD"
	argumentVariable = "SQLITESTORE_TEST_ARGUMENT"
)

func TestMain(m *testing.M) {
	name := os.Getenv(childVariable)
	if name == "" {
		os.Exit(m.Run())
	}
	children := map[string]func(ctx context.Context, argument string) error{
		"create": createUntilKilled,
		"change": changeUntilKilled,
		"limit":  hitFileLimit,
		"open":   openOnce,
		"nobody": openAsNobody,
	}
	if err := children[name](context.Background(), os.Getenv(argumentVariable)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// child is a started process of which the output is read line by line.
type child struct {
	*exec.Cmd
	lines  *bufio.Scanner
	stderr strings.Builder
}

func startChild(t *testing.T, name, argument string) *child {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := &child{Cmd: exec.CommandContext(t.Context(), exe)}
	c.Env = append(os.Environ(), childVariable+"="+name, argumentVariable+"="+argument)
	c.Stderr = &c.stderr
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	c.lines = bufio.NewScanner(out)
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	return c
}

// runChild runs a child to its end and returns what it printed; the test
// fails if the child does.
func runChild(t *testing.T, name, argument string) []string {
	t.Helper()
	c := startChild(t, name, argument)
	var lines []string
	for c.lines.Scan() {
		lines = append(lines, c.lines.Text())
	}
	if err := c.Wait(); err != nil {
		t.Fatalf("child %s %s: %v\n%s", name, argument, err, c.stderr.String())
	}
	return lines
}

// killAfter gives each line that the process prints to each, kills it amid its
// work when so many have come, and goes on until no more come.
func (c *child) killAfter(t *testing.T, enough int, each func(line string)) {
	t.Helper()
	n := 0
	for c.lines.Scan() {
		each(c.lines.Text())
		if n++; n == enough {
			if err := c.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := c.Wait(); err == nil || n < enough {
		t.Fatalf("the process ended by itself after %d answers: %v\n%s", n, err, c.stderr.String())
	}
}
