package sqlite_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	zombiezen "zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"github.com/hookline/hookline/internal/test/long"
	"github.com/hookline/hookline/internal/test/storetest"
	"github.com/hookline/hookline/pkg/store"
	"github.com/hookline/hookline/pkg/store/sqlite"
	"github.com/hookline/hookline/pkg/webhook"
)

// mustRefuse fails the test unless Open fails with one line that names the
// path and says everything in want.
func mustRefuse(t *testing.T, path string, want ...string) {
	t.Helper()
	s, err := sqlite.Open(path, sqlite.Options{})
	if err == nil {
		s.Close()
		t.Fatalf("Open(%s) succeeded", path)
	}
	mustSay(t, err.Error(), append(want, path)...)
}

func mustSay(t *testing.T, message string, want ...string) {
	t.Helper()
	for _, part := range want {
		if !strings.Contains(message, part) {
			t.Errorf("error %q does not say %q", message, part)
		}
	}
	if strings.Contains(message, "\n") {
		t.Errorf("error %q has more than one line", message)
	}
}

// executeAt runs statements on a file with SQLite alone.
func executeAt(t *testing.T, path string, statements string) {
	t.Helper()
	conn, err := zombiezen.OpenConn(path, zombiezen.OpenReadWrite|zombiezen.OpenCreate)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := sqlitex.ExecuteScript(conn, statements, nil); err != nil {
		t.Fatal(err)
	}
}

// Files that are not the store's are refused with advice, and not changed.
func TestOpenRefusesFiles(t *testing.T) {
	for name, tt := range map[string]struct {
		spoil func(t *testing.T, path string)
		want  []string
	}{
		"text": {func(t *testing.T, path string) {
			writeFile(t, path, bytes.Repeat([]byte("not a database\n"), 1000))
		}, []string{"not a database", "backup"}},
		"damaged": {func(t *testing.T, path string) {
			open(t, path).Close()
			content, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			for i := 100; i < len(content); i++ {
				content[i] = 0xff
			}
			writeFile(t, path, content)
		}, []string{"malformed", "backup"}},
		"newer": {func(t *testing.T, path string) {
			open(t, path).Close()
			executeAt(t, path, "PRAGMA user_version = 1000")
		}, []string{"newer version", "1000"}},
		"another application's": {func(t *testing.T, path string) {
			executeAt(t, path, "CREATE TABLE webhook (id TEXT)")
		}, []string{"another application", "choose another file"}},
		"another application's empty one": {func(t *testing.T, path string) {
			executeAt(t, path, "PRAGMA application_id = 7")
		}, []string{"another application", "choose another file"}},
	} {
		t.Run(name, func(t *testing.T) {
			path := newPath(t)
			tt.spoil(t, path)
			before, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			mustRefuse(t, path, tt.want...)
			after, err := os.ReadFile(path)
			if err != nil || !bytes.Equal(before, after) {
				t.Errorf("the file was changed, %v", err)
			}
		})
	}
}

func writeFile(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

// A path that cannot be a file is refused with advice.
func TestOpenRefusesPaths(t *testing.T) {
	dir := t.TempDir()
	missing := filepath.Join(dir, "missing", "hookline.db")
	mustRefuse(t, missing, "create the directory "+filepath.Dir(missing))
	mustRefuse(t, dir, "not a regular file", "choose another file")
	file := filepath.Join(dir, "file")
	writeFile(t, file, nil)
	mustRefuse(t, filepath.Join(file, "hookline.db"), "create the directory "+file)
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 1 {
		t.Errorf("%v is left in the directory, %v", left, err)
	}
}

// openAsNobody drops the rights of root, if it has them, and prints why the
// file at path cannot be opened.
func openAsNobody(_ context.Context, path string) error {
	const nobody = 65534
	if os.Getuid() == 0 {
		if err := syscall.Setgroups(nil); err != nil {
			return err
		}
		if err := syscall.Setgid(nobody); err != nil {
			return err
		}
		if err := syscall.Setuid(nobody); err != nil {
			return err
		}
	}
	s, err := sqlite.Open(path, sqlite.Options{})
	if err == nil {
		return fmt.Errorf("opened %s, which must not be written (%v)", path, s.Close())
	}
	fmt.Println(err)
	return nil
}

// Without the right to write, be it in the directory or the file, Open says
// so.
func TestOpenWithoutRights(t *testing.T) {
	dir, err := os.MkdirTemp("", "sqlitestore") // t.TempDir is closed to others
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	path := filepath.Join(dir, "hookline.db")
	chmod(t, dir, 0o555)
	mustSay(t, strings.Join(runChild(t, "nobody", path), "\n"), "permission denied", "let this user read and write", path)

	chmod(t, dir, 0o755)
	open(t, path).Close()
	chmod(t, path, 0o444)
	chmod(t, dir, 0o555)
	mustSay(t, strings.Join(runChild(t, "nobody", path), "\n"), "let this user read and write", path)
	chmod(t, dir, 0o777)
	mustSay(t, strings.Join(runChild(t, "nobody", path), "\n"), "readonly", "let this user read and write", path)
	chmod(t, dir, 0o755)
}

func chmod(t *testing.T, path string, mode os.FileMode) {
	t.Helper()
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

// openOnce opens the store, adds an account of its own, and closes it.
func openOnce(ctx context.Context, path string) error {
	s, err := sqlite.Open(path, sqlite.Options{})
	if err != nil {
		return err
	}
	account := webhook.Account{API: "squake", ID: fmt.Sprint(os.Getpid())}
	if err := s.CreateAccount(ctx, webhook.AccountInfo{Account: account}); err != nil {
		return err
	}
	return s.Close()
}

// Eight processes, and as many goroutines of one, make the same file at once.
func TestOpenNewFileTogether(t *testing.T) {
	const processes, rounds = 8, 3
	for round := range rounds {
		path := filepath.Join(t.TempDir(), "ho?ok%20line #1.db")
		var children []*child
		for range processes {
			children = append(children, startChild(t, "open", path))
		}
		for n := range processes {
			s, err := sqlite.Open(path, sqlite.Options{})
			if err != nil {
				t.Fatal(err)
			}
			account := webhook.Account{API: "shoptet", ID: fmt.Sprint(n)}
			if err := s.CreateAccount(t.Context(), webhook.AccountInfo{Account: account}); err != nil {
				t.Fatal(err)
			}
			defer s.Close()
		}
		for _, c := range children {
			if err := c.Wait(); err != nil {
				t.Fatalf("round %d: %v\n%s", round, err, c.stderr.String())
			}
		}
		s := open(t, path)
		for api, want := range map[webhook.API]int{"squake": processes, "shoptet": processes} {
			if accounts, err := s.Accounts(t.Context(), api); err != nil || len(accounts) != want {
				t.Fatalf("round %d: accounts of %s = %v, %v, want %d", round, api, accounts, err, want)
			}
		}
		mustBePrivate(t, filepath.Dir(path), 3)
	}
}

// mustBePrivate fails the test unless dir has exactly count files, which only
// their owner can read.
func mustBePrivate(t *testing.T, dir string, count int) {
	t.Helper()
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != count {
		t.Fatalf("files = %v, %v, want %d", files, err, count)
	}
	for _, file := range files {
		info, err := file.Info()
		if err != nil || info.Mode() != 0o600 {
			t.Errorf("mode of %s = %v, %v, want 0600", file.Name(), info.Mode(), err)
		}
	}
}

// open opens the database at path until the test ends.
func open(t testing.TB, path string) *sqlite.Store {
	t.Helper()
	s, err := sqlite.Open(path, sqlite.Options{})
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

// newPath names a database that does not exist yet.
func newPath(t testing.TB) string { return filepath.Join(t.TempDir(), "hookline.db") }

func TestConformance(t *testing.T) {
	storetest.Run(t, func(t *testing.T) store.Store { return open(t, newPath(t)) }, storetest.Options{Rounds: long.Pick(10, 50), OnePart: true, Limits: true})
}

// fileLimit is the largest size that a file may have, in bytes.
const fileLimit = 1 << 20

// hitFileLimit creates webhooks from 8 goroutines until the kernel refuses to
// let the log grow, and goes on for a while; then the limit is lifted, and
// each creation that failed is tried again as the registry does. It prints
// what stands and what does not.
func hitFileLimit(ctx context.Context, path string) error {
	signal.Ignore(syscall.SIGXFSZ) // the write fails instead: EFBIG
	s, err := sqlite.Open(path, sqlite.Options{})
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
func createPastLimit(ctx context.Context, s *sqlite.Store) (refused []webhook.Webhook, err error) {
	const enough = 100
	account := webhook.Account{API: "squake", ID: "limit"}
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
	list, err := open(t, path).Webhooks(t.Context(), webhook.Account{API: "squake", ID: "limit"})
	if err != nil {
		t.Fatal(err)
	}
	existing := map[string]string{}
	for _, w := range list {
		existing[w.Event] = w.ID
	}
	for _, line := range lines[:len(lines)-1] {
		if event, id, _ := strings.Cut(line, " "); existing[event] != id {
			t.Errorf("%s was answered as %s and stands as %q", event, id, existing[event])
		}
	}
	if len(existing) != len(lines)-1 {
		t.Errorf("%d webhooks stand, %d were answered", len(existing), len(lines)-1)
	}
}
