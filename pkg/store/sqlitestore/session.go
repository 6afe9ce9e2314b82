package sqlitestore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
)

const (
	// patience is how long a process waits for another one's lock.
	patience = 30 * time.Second
	// Waiting for the lock, the writer looks again after firstPause, then
	// ever later, up to longestPause: another process under full load lets go
	// of the lock for microseconds only.
	firstPause   = 50 * time.Microsecond
	longestPause = time.Millisecond
)

// session is the connection that writes, with its statements. Only the
// writer uses it.
type session struct {
	db   *sql.DB
	conn *sql.Conn

	begin, commit, rollback         *sql.Stmt
	savepoint, release, backToStart *sql.Stmt

	insertWebhook, findWebhook       *sql.Stmt
	insertAccount, findAccount       *sql.Stmt
	insertToken, deleteToken         *sql.Stmt
	insertSealingKey, findSealingKey *sql.Stmt
}

// openSession opens a connection to write with, after it has made sure that
// the file is this application's, and of the newest version.
func openSession(file dbFile) (s *session, err error) {
	ctx := context.Background()
	s = &session{}
	if s.db, err = sql.Open("sqlite", file.writeURL()); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			_ = s.db.Close() // what failed first says more
		}
	}()
	connect := func() (err error) { s.conn, err = s.db.Conn(ctx); return err }
	if err := whenFree(connect); err != nil {
		return nil, err
	}
	if err := s.becomeReady(ctx); err != nil {
		return nil, err
	}
	return s, s.prepare(ctx)
}

// becomeReady checks the file, sets its journal mode and migrates it. Each
// step is safe beside other processes that do the same.
func (s *session) becomeReady(ctx context.Context) error {
	var id identity
	look := func() (err error) { id, err = identify(ctx, s.conn); return err }
	if err := whenFree(look); err != nil {
		return err
	}
	if err := id.check(); err != nil {
		return err
	}
	var mode string
	setMode := func() error { return s.conn.QueryRowContext(ctx, "PRAGMA journal_mode = wal").Scan(&mode) }
	if err := whenFree(setMode); err != nil {
		return err
	}
	if mode != "wal" {
		return fmt.Errorf("%w: journal mode is %s", errNoWAL, mode)
	}
	return migrate(ctx, s.conn)
}

// prepare prepares all statements.
func (s *session) prepare(ctx context.Context) error {
	for _, statement := range []struct {
		stmt **sql.Stmt
		text string
	}{
		{&s.begin, "BEGIN IMMEDIATE"},
		{&s.commit, "COMMIT"},
		{&s.rollback, "ROLLBACK"},
		{&s.savepoint, "SAVEPOINT request"},
		{&s.release, "RELEASE request"},
		{&s.backToStart, "ROLLBACK TO request"},
		{&s.insertWebhook, insertWebhook},
		{&s.findWebhook, findWebhook},
		{&s.insertAccount, insertAccount},
		{&s.findAccount, findAccount},
		{&s.insertToken, insertToken},
		{&s.deleteToken, deleteToken},
		{&s.insertSealingKey, insertSealingKey},
		{&s.findSealingKey, findSealingKey},
	} {
		var err error
		if *statement.stmt, err = s.conn.PrepareContext(ctx, statement.text); err != nil {
			return fmt.Errorf("prepare %s: %w", strings.TrimSpace(statement.text), err)
		}
	}
	return nil
}

// run executes a statement and gives the number of rows it has written. It
// runs under no request's context: interrupting one statement would roll all
// others of the group back.
func run(stmt *sql.Stmt, args ...any) (int64, error) {
	result, err := stmt.ExecContext(context.Background(), args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// discard rolls back what is open and closes the connection.
func (s *session) discard() error {
	// There may be no transaction any more, which is an error here.
	_, _ = run(s.rollback)
	return s.close()
}

func (s *session) close() error { return errors.Join(s.conn.Close(), s.db.Close()) }

// whenFree does what needs a lock, again and again until nobody else
// holds it, for as long as patience allows.
func whenFree(do func() error) error {
	var giveUp time.Time
	for pause := firstPause; ; pause = min(pause*3/2, longestPause) {
		err := do()
		switch {
		case !isBusy(err):
			return err
		case giveUp.IsZero():
			giveUp = time.Now().Add(patience)
		case time.Now().After(giveUp):
			return fmt.Errorf("waited %v for a lock: %w", patience, err)
		}
		time.Sleep(pause/2 + rand.N(pause))
	}
}
