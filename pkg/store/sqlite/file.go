package sqlite

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	sqlite3 "modernc.org/sqlite/lib"
	"zombiezen.com/go/sqlite"
)

// dbFile is the absolute path of a database file that exists.
type dbFile string

// prepareFile makes the database file, empty and with mode 0600, if there is
// none. SQLite gives the files beside it the same mode.
//
// The file is made under another name and then linked to its own, because no
// descriptor of a database may be closed in a process that may have it open:
// POSIX would drop all locks that SQLite holds on it.
func prepareFile(path string) (file dbFile, err error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	info, err := os.Stat(abs)
	switch {
	case err == nil && !info.Mode().IsRegular():
		return "", errNoFile
	case err == nil:
		return dbFile(abs), nil
	case !errors.Is(err, fs.ErrNotExist):
		return "", err
	}
	blank, err := os.CreateTemp(filepath.Dir(abs), "."+filepath.Base(abs)+".*") // mode 0600
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, os.Remove(blank.Name())) }()
	if err := blank.Close(); err != nil {
		return "", err
	}
	if err := os.Link(blank.Name(), abs); err != nil && !errors.Is(err, fs.ErrExist) {
		return "", err
	}
	return dbFile(abs), nil
}

// open connects to the file, which must exist.
func (f dbFile) open() (*sqlite.Conn, error) {
	knowPageSize()
	return sqlite.OpenConn(string(f), sqlite.OpenReadWrite)
}

// knowPageSize has SQLite ask the kernel for the size of its pages, also on
// arm64 (modernc.org/sqlite, issue 199: its driver for database/sql does this).
var knowPageSize = sync.OnceFunc(sqlite3.PatchIssue199)

// setToWrite sets the one connection that writes. It waits for other processes
// by itself (whenFree), which is fairer than SQLite's way. Its cache holds the
// upper pages of a large table.
func setToWrite(conn *sqlite.Conn) error {
	conn.SetBusyTimeout(0)
	return script(conn, fmt.Sprintf("PRAGMA synchronous = full; PRAGMA cache_size = -%d; PRAGMA wal_autocheckpoint = %d",
		writerCacheKiB, checkpointPages))
}

// openToRead makes a connection that refuses to write.
func (f dbFile) openToRead() (*sqlite.Conn, error) {
	conn, err := f.open()
	if err != nil {
		return nil, err
	}
	conn.SetBusyTimeout(timeout)
	if err := script(conn, "PRAGMA query_only = 1"); err != nil {
		_ = conn.Close() // what failed first says more
		return nil, err
	}
	return conn, nil
}

const (
	writerCacheKiB = 16 << 10
	// checkpointPages is how long the log grows, in pages of 4 KiB, before it
	// is carried over into the database: SQLite's own 1,000 would make more
	// than one creation in a hundred wait for that under full load.
	checkpointPages = 4000
)
