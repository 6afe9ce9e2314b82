package sqlitestore_test

import (
	"context"
	"errors"
	"fmt"
	"os/signal"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/hookline/hookline/pkg/store/sqlitestore"
	"github.com/hookline/hookline/pkg/webhook"
)

// fileLimit is the largest size that a file may have, in bytes.
const fileLimit = 1 << 20

// hitFileLimit creates webhooks from 8 goroutines until the kernel refuses to
// let the log grow, and goes on for a while; then the limit is lifted, and
// each creation that failed is tried again as the registry does. It prints
// what stands and what does not.
func hitFileLimit(ctx context.Context, path string) error {
	signal.Ignore(syscall.SIGXFSZ) // the write fails instead: EFBIG
	s, err := sqlitestore.Open(path, sqlitestore.Options{})
	if err != nil {
		return err
	}
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		return err
	}
	limit.Cur = fileLimit
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		return err
	}
	refused, err := createPastLimit(ctx, s)
	if err != nil {
		return err
	}
	limit.Cur = limit.Max
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		return err
	}
	for _, w := range refused {
		again := w
		again.ID += "-again"
		got, err := s.Create(ctx, webhook.Creation{Webhooks: []webhook.Webhook{again}})
		if err != nil {
			return fmt.Errorf("with room again: %w", err)
		}
		fmt.Println(got[0].Event, got[0].ID)
	}
	fmt.Println("refused", len(refused))
	return s.Close()
}

// createPastLimit prints what was created, and returns what was refused.
func createPastLimit(ctx context.Context, s *sqlitestore.Store) (refused []webhook.Webhook, err error) {
	const enough = 100
	account := webhook.Account{Dialect: "squake", ID: "limit"}
	var mu sync.Mutex
	var seen atomic.Int64
	var workers sync.WaitGroup
	for worker := range 8 {
		workers.Go(func() {
			for n := 0; seen.Load() < enough; n++ {
				w := newWebhook(account, fmt.Sprintf("%d-%d", worker, n))
				w.URL += strings.Repeat("x", 1000)
				_, createErr := s.Create(ctx, webhook.Creation{Webhooks: []webhook.Webhook{w}})
				mu.Lock()
				switch {
				case createErr == nil:
					fmt.Println(w.Event, w.ID)
				case errors.Is(createErr, webhook.ErrUnknownOutcome), errors.Is(createErr, webhook.ErrUnavailable):
					refused = append(refused, w)
					seen.Add(1)
				default:
					err = createErr
					seen.Add(enough)
				}
				mu.Unlock()
			}
		})
	}
	workers.Wait()
	return refused, err
}

// A log that the kernel does not let grow loses nothing that was answered;
// once there is room the same store works again, and what had been refused
// can be created.
func TestFileLimit(t *testing.T) {
	path := newPath(t)
	lines := runChild(t, "limit", path)
	if len(lines) == 0 || !strings.HasPrefix(lines[len(lines)-1], "refused ") {
		t.Fatalf("the child printed no summary: %q", lines)
	}
	list, err := open(t, path).Webhooks(t.Context(), webhook.Account{Dialect: "squake", ID: "limit"})
	if err != nil {
		t.Fatal(err)
	}
	stands := map[string]string{}
	for _, w := range list {
		stands[w.Event] = w.ID
	}
	for _, line := range lines[:len(lines)-1] {
		if event, id, _ := strings.Cut(line, " "); stands[event] != id {
			t.Errorf("%s was answered as %s and stands as %q", event, id, stands[event])
		}
	}
	if len(stands) != len(lines)-1 {
		t.Errorf("%d webhooks stand, %d were answered", len(stands), len(lines)-1)
	}
}
