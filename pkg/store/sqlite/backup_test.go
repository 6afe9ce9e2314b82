package sqlite_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	zombiezen "zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"github.com/hookline/hookline/internal/test/memory"
	"github.com/hookline/hookline/pkg/store/sqlite"
	"github.com/hookline/hookline/pkg/webhook"
)

// addAccounts adds accounts that are named from first on.
func addAccounts(t *testing.T, s *sqlite.Store, first, n int) {
	t.Helper()
	for i := first; i < first+n; i++ {
		account := webhook.Account{API: "squake", ID: strconv.Itoa(i)}
		if err := s.CreateAccount(t.Context(), webhook.AccountInfo{Account: account}); err != nil {
			t.Fatal(err)
		}
	}
}

func countAccounts(t *testing.T, s *sqlite.Store) int {
	t.Helper()
	list, err := s.Accounts(t.Context(), "squake")
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}

// copyOf copies files of a database into a directory of their own.
func copyOf(t *testing.T, path string, suffixes ...string) string {
	t.Helper()
	to := newPath(t)
	for _, suffix := range suffixes {
		content, err := os.ReadFile(path + suffix)
		if err != nil {
			t.Fatal(err)
		}
		writeFile(t, to+suffix, content)
	}
	return to
}

// A file that is copied without its log while the store is open is refused from
// the first moment on, whatever was checkpointed. With its log it is taken, and
// so it is when every process has closed it, in whatever order.
func TestCopyWithoutLog(t *testing.T) {
	path := newPath(t)
	s := open(t, path)
	addAccounts(t, s, 0, 1)
	mustRefuse(t, copyOf(t, path, ""), "latest writes are missing", "hookline.db-wal", "hookline backup", "hookline restore")
	second := open(t, path)
	addAccounts(t, second, 1, 1)
	if err := second.Close(); err != nil { // marks the file as whole, though s is open
		t.Fatal(err)
	}
	for n := 2; n < 4; n++ {
		addAccounts(t, s, n, 1)
		if _, err := s.ForeignWrites(t.Context()); err != nil { // when it returns, the former group was checkpointed
			t.Fatal(err)
		}
		mustRefuse(t, copyOf(t, path, ""), "latest writes are missing")
	}
	if got := countAccounts(t, open(t, copyOf(t, path, "", "-wal"))); got != 4 {
		t.Errorf("the copy with its log has %d accounts, want 4", got)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path + "-wal"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("there is a log, %v", err)
	}
	if got := countAccounts(t, open(t, copyOf(t, path, ""))); got != 4 {
		t.Errorf("the copy of the closed file has %d accounts, want 4", got)
	}
}

// Any number of processes may close a file at once: with its log, if SQLite kept
// one because the last ones closed it at the same moment, it is whole
// afterwards, and alone it is once one process has closed it by itself.
func TestWholeAfterAllClosed(t *testing.T) {
	path := newPath(t)
	for range 5 {
		var children []*child
		for range 4 {
			children = append(children, startChild(t, "open", path))
		}
		for _, c := range children {
			if err := c.Wait(); err != nil {
				t.Fatalf("%v\n%s", err, c.stderr.String())
			}
		}
		suffixes := []string{""}
		if _, err := os.Stat(path + "-wal"); err == nil {
			suffixes = append(suffixes, "-wal")
		}
		open(t, copyOf(t, path, suffixes...))
		if err := open(t, path).Close(); err != nil {
			t.Fatal(err)
		}
		open(t, copyOf(t, path, ""))
	}
}

// A copy that is made while writers are at work holds what was answered before
// it began, is whole and private, and replaces nothing.
func TestBackupUnderLoad(t *testing.T) {
	s := open(t, newPath(t))
	addAccounts(t, s, 0, 200)
	ctx, cancel := context.WithCancel(t.Context())
	var writers sync.WaitGroup
	for w := range 4 {
		writers.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				account := webhook.Account{API: "squake", ID: fmt.Sprintf("%d-%d", w, n)}
				if err := s.CreateAccount(ctx, webhook.AccountInfo{Account: account}); err != nil && ctx.Err() == nil {
					t.Error(err)
				}
			}
		})
	}
	defer writers.Wait()
	defer cancel()
	dir := t.TempDir()
	to := filepath.Join(dir, "copy.db")
	contents, err := s.Backup(t.Context(), to)
	if err != nil {
		t.Fatal(err)
	}
	mustBePrivate(t, dir, 1)
	memory.CheckIntegrity(t, to)
	list, err := open(t, to).Accounts(t.Context(), "squake")
	if err != nil || int64(len(list)) != contents.Accounts["squake"] {
		t.Errorf("%d accounts, %v, want %d", len(list), err, contents.Accounts["squake"])
	}
	for i := range 200 {
		has := func(a webhook.AccountInfo) bool { return a.Account.ID == strconv.Itoa(i) }
		if !slices.ContainsFunc(list, has) {
			t.Errorf("account %d is missing", i)
		}
	}
	if _, err := s.Backup(t.Context(), to); !errors.Is(err, fs.ErrExist) {
		t.Errorf("over an existing file: %v", err)
	}
	cancelled, stop := context.WithCancel(t.Context())
	stop()
	if _, err := s.Backup(cancelled, filepath.Join(dir, "cancelled.db")); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if left, err := filepath.Glob(filepath.Join(dir, ".*")); err != nil || len(left) > 0 {
		t.Errorf("%v is left, %v", left, err)
	}
}

// What may be restored, and what is refused and leaves nothing.
func TestRestore(t *testing.T) {
	path := newPath(t)
	s := open(t, path)
	addAccounts(t, s, 0, 3)
	whole := newPath(t)
	if _, err := s.Backup(t.Context(), whole); err != nil {
		t.Fatal(err)
	}
	foreign := newPath(t)
	executeAt(t, foreign, "CREATE TABLE diary (day TEXT)")
	damaged := copyOf(t, whole, "")
	spoil(t, damaged)
	empty := newPath(t)
	writeFile(t, empty, nil)
	letter := newPath(t)
	writeFile(t, letter, []byte("Dear operator,"+strings.Repeat(" ", 4096)))
	other := newPath(t) // a copy by SQLite, which does not know that it is whole
	vacuumInto(t, path, other)
	for name, c := range map[string]struct {
		from       string
		withoutLog bool
		refused    string
	}{
		"backup":                 {whole, false, ""},
		"folder with log":        {copyOf(t, path, "", "-wal"), false, ""},
		"folder without log":     {copyOf(t, path, ""), false, "latest writes are missing"},
		"another tool":           {other, false, "latest writes are missing"},
		"another tool, accepted": {other, true, ""},
		"damaged":                {damaged, false, "malformed"},
		"foreign":                {foreign, true, "another application"},
		"empty":                  {empty, true, "another application"},
		"no database":            {letter, true, "hookline.db: file is not a database; take another backup"},
		"missing":                {newPath(t), true, "no such file"},
	} {
		t.Run(name, func(t *testing.T) {
			to := newPath(t)
			contents, err := sqlite.Restore(t.Context(), c.from, to, c.withoutLog)
			if c.refused != "" {
				if err == nil {
					t.Fatal("it was restored")
				}
				mustSay(t, err.Error(), c.refused)
				if left, err := os.ReadDir(filepath.Dir(to)); err != nil || len(left) > 0 {
					t.Errorf("%v is left, %v", left, err)
				}
				return
			}
			if err != nil || contents.Accounts["squake"] != 3 {
				t.Fatalf("%+v, %v", contents, err)
			}
			if got := countAccounts(t, open(t, to)); got != 3 {
				t.Errorf("%d accounts, want 3", got)
			}
		})
	}
}

// vacuumInto copies a file with SQLite alone.
func vacuumInto(t *testing.T, path, to string) {
	t.Helper()
	conn, err := zombiezen.OpenConn(path, zombiezen.OpenReadWrite)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(sqlitex.ExecuteTransient(conn, "VACUUM INTO '"+to+"'", nil), conn.Close()); err != nil {
		t.Fatal(err)
	}
}

// spoil overwrites the middle of a file.
func spoil(t *testing.T, path string) {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := len(content) / 2; i < len(content)*3/4; i++ {
		content[i] = 0xff
	}
	writeFile(t, path, content)
}
