package sqlite

import (
	"fmt"
	"math/rand/v2"
	"time"

	"zombiezen.com/go/sqlite"
)

const (
	// timeout is how long a process waits for another one's lock.
	timeout = 30 * time.Second
	// While it waits for the lock, the writer tries again after firstPause,
	// then at growing intervals up to longestPause. Under full load another
	// process releases the lock for microseconds only.
	firstPause   = 50 * time.Microsecond
	longestPause = time.Millisecond
)

// session is the connection that writes. Only the writer uses it. Its
// statements do not run under a request's context: interrupting one would roll
// back all others of the group.
type session struct {
	conn *sqlite.Conn
	// version is the latest PRAGMA data_version; 0 before the first.
	version int64
	// cleared says that the current transaction is the first that needs the log.
	cleared bool
}

// openSession opens a connection for writing after checking that the file is
// this application's and whole, and migrating it to the newest version.
func openSession(file dbFile, mayMigrate func() error) (*session, error) {
	hadLog := file.hasLog()
	conn, err := file.open()
	if err != nil {
		return nil, err
	}
	s := &session{conn: conn}
	if err := s.becomeReady(file, hadLog, mayMigrate); err != nil {
		_ = s.close() // the first error says more
		return nil, err
	}
	return s, nil
}

// becomeReady configures the connection, checks the file, sets its journal mode
// and migrates it. Each step is safe while other processes do the same.
func (s *session) becomeReady(file dbFile, hadLog bool, mayMigrate func() error) error {
	if err := whenFree(func() error { return setToWrite(s.conn) }); err != nil {
		return err
	}
	var id identity
	look := func() (err error) { id, err = identify(s.conn); return err }
	if err := whenFree(look); err != nil {
		return err
	}
	if err := id.check(); err != nil {
		return err
	}
	if id.isOlder() && mayMigrate != nil {
		if err := mayMigrate(); err != nil {
			return fmt.Errorf("%w: %w", errOlder, err)
		}
	}
	if err := whenFree(func() error { return checkWhole(s.conn, file, hadLog) }); err != nil {
		return err
	}
	var mode string
	setMode := func() (err error) { mode, err = one(s.conn, "PRAGMA journal_mode = wal", scanText); return err }
	if err := whenFree(setMode); err != nil {
		return err
	}
	if mode != "wal" {
		return fmt.Errorf("%w: journal mode is %s", errNoWAL, mode)
	}
	if err := migrate(s.conn); err != nil {
		return err
	}
	if id.version < int64(len(migrations())) {
		// The file names its application and schema from its first moment.
		return s.checkpoint()
	}
	return nil
}

// run calls run with the session's connection.
func (s *session) run(text string, args ...any) (rows int, err error) {
	return run(s.conn, text, args...)
}

// begin starts a transaction, which is the first write of this process or one
// after it; see clearWhole.
func (s *session) begin() (err error) {
	if err := s.alone("BEGIN IMMEDIATE"); err != nil {
		return err
	}
	s.cleared, err = s.clearWhole()
	return err
}

func (s *session) commit() error   { return s.alone("COMMIT") }
func (s *session) rollback() error { return s.alone("ROLLBACK") }

func (s *session) alone(text string) error {
	_, err := s.run(text)
	return err
}

// discard rolls back an open transaction and closes the connection.
func (s *session) discard() error {
	_ = s.rollback() // fails if there is no transaction
	return s.close()
}

func (s *session) close() error { return s.conn.Close() }

// whenFree calls do until no other connection holds the lock that it needs, for
// at most timeout.
func whenFree(do func() error) error {
	var giveUp time.Time
	for pause := firstPause; ; pause = min(pause*3/2, longestPause) {
		err := do()
		switch {
		case !isBusy(err):
			return err
		case giveUp.IsZero():
			giveUp = time.Now().Add(timeout)
		case time.Now().After(giveUp):
			return fmt.Errorf("waited %v for a lock: %w", timeout, err)
		}
		time.Sleep(pause/2 + rand.N(pause)) //nolint:forbidigo // SQLite does not signal when a lock is free
	}
}
