package sqlitestore

import (
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
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

// url addresses the file for the driver. The file must exist. Text in double
// quotes is never taken for a string.
func (f dbFile) url(pragmas ...string) string {
	query := url.Values{"mode": {"rw"}, "_dqs": {"0"}, "_error_rc": {"1"}, "_pragma": pragmas}
	u := url.URL{Scheme: "file", Path: filepath.ToSlash(string(f)), RawQuery: query.Encode()}
	return u.String()
}

// writeURL is for the one connection that writes. It waits for other
// processes by itself (whenFree), which is fairer than SQLite's way.
// Its cache holds the upper pages of a large table.
func (f dbFile) writeURL() string {
	return f.url("busy_timeout(0)", "synchronous(full)", fmt.Sprintf("cache_size(-%d)", writerCacheKiB),
		fmt.Sprintf("wal_autocheckpoint(%d)", checkpointPages))
}

// readURL is for the connections that read, and refuse to write.
func (f dbFile) readURL() string {
	return f.url(fmt.Sprintf("busy_timeout(%d)", patience.Milliseconds()), "query_only(1)")
}

const (
	writerCacheKiB = 16 << 10
	// checkpointPages is how long the log grows, in pages of 4 KiB, before it
	// is carried over into the database: SQLite's own 1,000 would make more
	// than one creation in a hundred wait for that under full load.
	checkpointPages = 4000
)
