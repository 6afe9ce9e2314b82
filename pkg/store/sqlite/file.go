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

// dbFile is the absolute path of an existing database file.
type dbFile string

// prepareFile creates an empty database file with mode 0600 if it does not
// exist. SQLite gives the files beside it the same mode.
//
// It creates the file under another name and links it, because a process that
// may have the database open must not close another descriptor of it: POSIX
// would drop all locks that SQLite holds on it.
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

// knowPageSize makes SQLite ask the kernel for its page size, even on arm64
// (modernc.org/sqlite, issue 199: its driver for database/sql does this).
var knowPageSize = sync.OnceFunc(sqlite3.PatchIssue199)

// setToWrite configures the only connection that writes. It waits for other
// processes itself (whenFree), which is fairer than SQLite's way. Its cache
// holds the upper pages of a large table.
func setToWrite(conn *sqlite.Conn) error {
	conn.SetBusyTimeout(0)
	return script(conn, fmt.Sprintf("PRAGMA synchronous = full; PRAGMA cache_size = -%d; PRAGMA wal_autocheckpoint = %d",
		writerCacheKiB, checkpointPages))
}

// openToRead opens a read-only connection. It reads at once, so that it keeps
// the log from being deleted when the writer replaces its connection.
func (f dbFile) openToRead() (*sqlite.Conn, error) {
	conn, err := f.open()
	if err != nil {
		return nil, err
	}
	conn.SetBusyTimeout(timeout)
	if err := script(conn, "PRAGMA query_only = 1; SELECT 1 FROM sqlite_schema"); err != nil {
		_ = conn.Close() // the first error says more
		return nil, err
	}
	return conn, nil
}

const (
	writerCacheKiB = 16 << 10
	// checkpointPages is how many pages of 4 KiB the log may have before it is
	// checkpointed. With SQLite's default of 1,000, more than one creation in a
	// hundred would wait for that under full load.
	checkpointPages = 4000
)
