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
	db       *sql.DB
	conn     *sql.Conn
	prepared []*sql.Stmt // all of the following

	begin, commit, rollback         *sql.Stmt
	savepoint, release, backToStart *sql.Stmt

	insertWebhook, findWebhook       *sql.Stmt
	updateWebhook, deleteWebhook     *sql.Stmt
	insertAccount, findAccount       *sql.Stmt
	setAccountKey, closeAccount      *sql.Stmt
	deleteAccount                    *sql.Stmt
	insertToken, deleteToken         *sql.Stmt
	insertSealingKey, findSealingKey *sql.Stmt
	insertDelivery, insertPayload    *sql.Stmt
	findDelivery, settleDelivery     *sql.Stmt
	markFailed, markSent             *sql.Stmt
	lease, voidLeases                *sql.Stmt
	deleteDelivery, deletePayload    *sql.Stmt
	dataVersion                      *sql.Stmt

	// version is what dataVersion said last; 0 before the first time.
	version int64
}

// openSession opens a connection to write with, after it has made sure that
// the file is this application's, and of the newest version.
func openSession(file dbFile) (*session, error) {
	db, err := sql.Open("sqlite", file.writeURL())
	if err != nil {
		return nil, err
	}
	s := &session{db: db}
	if err := s.becomeReady(context.Background()); err != nil {
		_ = s.close() // what failed first says more
		return nil, err
	}
	return s, nil
}

// becomeReady connects, checks the file, sets its journal mode, migrates it
// and prepares the statements. Each step is safe beside other processes that
// do the same.
func (s *session) becomeReady(ctx context.Context) error {
	connect := func() (err error) { s.conn, err = s.db.Conn(ctx); return err }
	if err := whenFree(connect); err != nil {
		return err
	}
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
	if err := migrate(ctx, s.conn); err != nil {
		return err
	}
	return s.prepare(ctx)
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
		{&s.updateWebhook, updateWebhook},
		{&s.deleteWebhook, deleteWebhook},
		{&s.insertAccount, insertAccount},
		{&s.findAccount, findAccount},
		{&s.setAccountKey, setAccountKey},
		{&s.closeAccount, closeAccount},
		{&s.deleteAccount, deleteAccount},
		{&s.insertToken, insertToken},
		{&s.deleteToken, deleteToken},
		{&s.insertSealingKey, insertSealingKey},
		{&s.findSealingKey, findSealingKey},
		{&s.insertDelivery, insertDelivery},
		{&s.insertPayload, insertPayload},
		{&s.findDelivery, findBareDelivery},
		{&s.settleDelivery, settleDelivery},
		{&s.markFailed, markFailed},
		{&s.markSent, markSent},
		{&s.lease, leaseDelivery},
		{&s.voidLeases, voidLeases},
		{&s.deleteDelivery, deleteDelivery},
		{&s.deletePayload, deletePayload},
		{&s.dataVersion, "PRAGMA data_version"},
	} {
		var err error
		if *statement.stmt, err = s.conn.PrepareContext(ctx, statement.text); err != nil {
			return fmt.Errorf("prepare %s: %w", strings.TrimSpace(statement.text), err)
		}
		s.prepared = append(s.prepared, *statement.stmt)
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

// close closes the connection, and its statements first: SQLite keeps a
// connection, with its files and locks, for as long as it has any.
func (s *session) close() error {
	var errs []error
	for _, stmt := range s.prepared {
		errs = append(errs, stmt.Close())
	}
	if s.conn != nil {
		errs = append(errs, s.conn.Close())
	}
	return errors.Join(append(errs, s.db.Close())...)
}

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
		time.Sleep(pause/2 + rand.N(pause)) //nolint:forbidigo // SQLite tells nobody when a lock is free
	}
}
