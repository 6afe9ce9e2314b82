package sqlite

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"zombiezen.com/go/sqlite"
)

// A database file is whole if it needs no log beside it. SQLite cannot tell: it
// opens a file that was copied without its log as it was at the latest
// checkpoint. So the file says it itself. The first write of a process clears
// the mark and has it checkpointed, and the last one before a process closes
// the file sets it. A process that is killed leaves the log.
//
// wholeSchema adds the mark. Files of earlier versions have none and count as
// whole.
const wholeSchema = `
CREATE TABLE whole (
	without_log INTEGER NOT NULL, -- the file is whole without its log; see whole.go
	probes      INTEGER NOT NULL  -- see Probe
) STRICT;
INSERT INTO whole VALUES (0, 0);
`

// errNoLog means that the file was copied without its log, or that the log was
// lost.
var errNoLog = errors.New("its latest writes are missing: they are in the log, which is not beside it")

// log is the path of the file's log.
func (f dbFile) log() string { return string(f) + "-wal" }

// hasLog reports whether there is a log. SQLite deletes it when the last
// process closes the file, unless several close it at the same moment.
func (f dbFile) hasLog() bool {
	_, err := os.Stat(f.log())
	return !errors.Is(err, fs.ErrNotExist)
}

// checkWhole rejects a file whose log is missing. hadLog is what hasLog said
// before the connection was opened, which makes an empty log. Another process
// that has cleared the mark since then has made a log.
func checkWhole(conn *sqlite.Conn, file dbFile, hadLog bool) error {
	if hadLog {
		return nil
	}
	whole, err := isWhole(conn)
	if err != nil || whole {
		return err
	}
	if info, err := os.Stat(file.log()); err == nil && info.Size() > 0 {
		return nil
	}
	return errNoLog
}

// isWhole reads the mark.
func isWhole(conn *sqlite.Conn) (bool, error) {
	marked, err := one(conn, "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = 'whole')", scanBool)
	if err != nil || !marked {
		return true, err
	}
	return one(conn, "SELECT without_log FROM whole", scanBool)
}

func scanBool(r *row) (bool, error) { return r.bool(), nil }

// clearWhole clears the mark, in a transaction. The commit must be followed by
// a checkpoint if it returns true.
func (s *session) clearWhole() (cleared bool, err error) {
	rows, err := s.run("UPDATE whole SET without_log = 0 WHERE without_log")
	return rows > 0, err
}

// setWhole sets the mark, unless it is set.
func (s *session) setWhole() error {
	whole, err := isWhole(s.conn)
	if err != nil || whole {
		return err
	}
	set := func() error { _, err := s.run("UPDATE whole SET without_log = 1"); return err }
	if err := whenFree(set); err != nil {
		return fmt.Errorf("mark the file as whole: %w", err)
	}
	return nil
}

// checkpoint copies what it can of the log into the file, without waiting for
// others. If it fails, a later one does it.
func (s *session) checkpoint() error {
	_, err := s.run("PRAGMA wal_checkpoint(PASSIVE)")
	return err
}
