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
	// Waiting for the lock, the writer looks again after firstPause, then
	// ever later, up to longestPause: another process under full load lets go
	// of the lock for microseconds only.
	firstPause   = 50 * time.Microsecond
	longestPause = time.Millisecond
)

// session is the connection that writes. Only the writer uses it. Its
// statements run under no request's context: interrupting one would roll all
// others of the group back.
type session struct {
	conn *sqlite.Conn
	// version is what PRAGMA data_version said last; 0 before the first time.
	version int64
}

// openSession opens a connection to write with, after it has made sure that
// the file is this application's, and of the newest version.
func openSession(file dbFile) (*session, error) {
	conn, err := file.open()
	if err != nil {
		return nil, err
	}
	s := &session{conn: conn}
	if err := s.becomeReady(); err != nil {
		_ = s.close() // what failed first says more
		return nil, err
	}
	return s, nil
}

// becomeReady sets the connection, checks the file, sets its journal mode and
// migrates it. Each step is safe beside other processes that do the same.
func (s *session) becomeReady() error {
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
	var mode string
	setMode := func() (err error) { mode, err = one(s.conn, "PRAGMA journal_mode = wal", scanText); return err }
	if err := whenFree(setMode); err != nil {
		return err
	}
	if mode != "wal" {
		return fmt.Errorf("%w: journal mode is %s", errNoWAL, mode)
	}
	return migrate(s.conn)
}

// run is the function run on the session's connection.
func (s *session) run(text string, args ...any) (rows int, err error) {
	return run(s.conn, text, args...)
}

func (s *session) begin() error    { return s.alone("BEGIN IMMEDIATE") }
func (s *session) commit() error   { return s.alone("COMMIT") }
func (s *session) rollback() error { return s.alone("ROLLBACK") }

func (s *session) alone(text string) error {
	_, err := s.run(text)
	return err
}

// discard rolls back what is open and closes the connection.
func (s *session) discard() error {
	_ = s.rollback() // there may be no transaction any more, which is an error here
	return s.close()
}

func (s *session) close() error { return s.conn.Close() }

// whenFree does what needs a lock, again and again until nobody else
// holds it, for as long as the timeout allows.
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
		time.Sleep(pause/2 + rand.N(pause)) //nolint:forbidigo // SQLite tells nobody when a lock is free
	}
}
