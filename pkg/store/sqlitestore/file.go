package sqlitestore

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"
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
func (f dbFile) open() (*sqlite.Conn, error) { return sqlite.OpenConn(string(f), sqlite.OpenReadWrite) }

// setToWrite sets the one connection that writes. It waits for other processes
// by itself (whenFree), which is fairer than SQLite's way. Its cache holds the
// upper pages of a large table.
func setToWrite(conn *sqlite.Conn) error {
	conn.SetBusyTimeout(0)
	return script(conn, fmt.Sprintf("PRAGMA synchronous = full; PRAGMA cache_size = -%d; PRAGMA wal_autocheckpoint = %d",
		writerCacheKiB, checkpointPages))
}

// setToRead sets a connection that refuses to write.
func setToRead(conn *sqlite.Conn) error {
	conn.SetBusyTimeout(patience)
	return script(conn, "PRAGMA query_only = 1")
}

// openListers makes the connections for reads that may take long.
func (f dbFile) openListers() (*sqlitex.Pool, error) {
	return sqlitex.NewPool(string(f), sqlitex.PoolOptions{Flags: sqlite.OpenReadWrite, PoolSize: listers, PrepareConn: setToRead})
}

const (
	// listers is how many long reads run at once; more wait for their turn.
	listers        = 4
	writerCacheKiB = 16 << 10
	// checkpointPages is how long the log grows, in pages of 4 KiB, before it
	// is carried over into the database: SQLite's own 1,000 would make more
	// than one creation in a hundred wait for that under full load.
	checkpointPages = 4000
)
