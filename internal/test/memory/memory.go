// Package memory opens the stores that tests keep their data in: SQLite on a
// file in memory, so that what is tested meets a store that ships, at the
// speed of one that writes to no disk.
package memory

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"

	zombiezen "zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"github.com/hookline/hookline/pkg/store/sqlite"
)

// name is the file's in its directory.
const name = "hookline.db"

// shm is where Linux keeps files in memory.
const shm = "/dev/shm"

// empty is the file of an empty store. It is made once for the test binary: all
// the migrations take longer than most tests that need a store.
var empty = sync.OnceValues(func() (file []byte, err error) {
	dir, err := makeDir()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	path := filepath.Join(dir, name)
	s, err := sqlite.Open(path, sqlite.Options{})
	if err != nil {
		return nil, err
	}
	if err := s.Close(); err != nil {
		return nil, err
	}
	return os.ReadFile(path)
})

// Open opens an empty store, which is closed and removed when the test ends.
// In a bubble of testing/synctest it must be opened in there: the goroutines
// that own its connections belong to the bubble then.
func Open(tb testing.TB) *sqlite.Store {
	tb.Helper()
	path := filepath.Join(Dir(tb), name)
	file, err := empty()
	if err == nil {
		err = os.WriteFile(path, file, 0o600)
	}
	if err != nil {
		tb.Fatal(err)
	}
	s, err := sqlite.Open(path, sqlite.Options{})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Error(err)
		}
	})
	return s
}

// Dir makes a directory in memory, or on disk where the system has none in
// memory, which is removed when the test ends.
func Dir(tb testing.TB) string {
	tb.Helper()
	dir, err := makeDir()
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			tb.Error(err)
		}
	})
	return dir
}

func makeDir() (string, error) {
	const pattern = "hookline-test-"
	if dir, err := os.MkdirTemp(shm, pattern); err == nil {
		return dir, nil
	}
	return os.MkdirTemp("", pattern)
}

// CheckIntegrity runs SQLite's own check of the file at path, which must not be
// open.
func CheckIntegrity(tb testing.TB, path string) {
	tb.Helper()
	conn, err := zombiezen.OpenConn(path, zombiezen.OpenReadWrite)
	if err != nil {
		tb.Fatal(err)
	}
	result, err := sqlitex.ResultText(conn.Prep("PRAGMA integrity_check"))
	if err != nil || result != "ok" {
		tb.Errorf("integrity_check: %q, %v; want ok", result, err)
	}
	if err := conn.Close(); err != nil {
		tb.Error(err)
	}
}
