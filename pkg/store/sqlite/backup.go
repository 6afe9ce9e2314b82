package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"zombiezen.com/go/sqlite"

	"github.com/hookline/hookline/pkg/webhook"
)

// Contents is what a checked database file holds.
type Contents struct {
	Accounts             map[webhook.API]int64
	Webhooks, Deliveries int64
	Open                 int64 // deliveries with an attempt to come
	// SealingKeys are the ids of the keys that the webhooks' keys may be sealed
	// with.
	SealingKeys []string
}

// backupPages is how many pages are copied between two looks at the context.
const backupPages = 4096

// Backup copies the store as it is now into a new file at path, mode 0600, and
// checks the copy. Writers go on meanwhile. The copy is whole, and on disk when
// Backup returns. Backup fails if the file exists; on any failure it leaves no
// file.
func (s *Store) Backup(ctx context.Context, path string) (Contents, error) {
	contents, err := complete(ctx, path, func(ctx context.Context, draft dbFile) error { return s.copyTo(ctx, draft) })
	if err != nil {
		return Contents{}, fmt.Errorf("back up to %s: %w", path, err)
	}
	return contents, nil
}

// copyTo copies one snapshot into an empty file.
func (s *Store) copyTo(ctx context.Context, draft dbFile) (err error) {
	from, err := s.file.openToRead()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, from.Close()) }()
	// A transaction fixes the snapshot, so that no write restarts the copy.
	if err := script(from, "BEGIN; SELECT 1 FROM sqlite_schema"); err != nil {
		return err
	}
	to, err := draft.open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, to.Close()) }()
	copying, err := sqlite.NewBackup(to, "main", from, "main")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, copying.Close()) }()
	for more := true; more; {
		if err := ctx.Err(); err != nil {
			return err
		}
		if more, err = copying.Step(backupPages); err != nil {
			return err
		}
	}
	return nil
}

// Restore copies the database file from, with its log if there is one, into a
// new file at path, mode 0600, and checks the copy. withoutLog accepts a file
// that does not say that it is whole, such as one that "sqlite3 .backup" wrote.
// Restore fails if the file exists; on any failure it leaves no file.
func Restore(ctx context.Context, from, path string, withoutLog bool) (Contents, error) {
	contents, err := complete(ctx, path, func(ctx context.Context, draft dbFile) error {
		hasLog, err := copyFiles(dbFile(from), draft)
		if err != nil {
			return err
		}
		conn, err := draft.open()
		if err != nil {
			return err
		}
		err = mustBeOurs(conn)
		if err == nil && !withoutLog && !hasLog {
			var whole bool
			if whole, err = isWhole(conn); err == nil && !whole {
				err = errNoLog
			}
		}
		return errors.Join(err, conn.Close())
	})
	if err != nil {
		return Contents{}, fmt.Errorf("restore %s: %w; %s", from, brief(err), restoreAdvice(from, path, err))
	}
	return contents, nil
}

// restoreAdvice says what to do about an error of [Restore].
func restoreAdvice(from, path string, err error) string {
	switch c := code(err); {
	case errors.Is(err, fs.ErrNotExist), c == sqlite.ResultNotADB, c == sqlite.ResultCorrupt:
		return "take another backup"
	case isFull(err):
		return advice(path, err)
	}
	return advice(from, err)
}

// mustBeOurs rejects empty files too.
func mustBeOurs(conn *sqlite.Conn) error {
	id, err := identify(conn)
	if err == nil {
		err = id.check()
	}
	if err == nil && id.application != applicationID {
		err = errForeign
	}
	return err
}

// copyFiles copies a database file and its log.
func copyFiles(from, to dbFile) (hasLog bool, err error) {
	if err := copyFile(string(from), string(to)); err != nil {
		return false, err
	}
	switch err := copyFile(from.log(), to.log()); {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case err != nil:
		return false, err
	}
	return true, nil
}

func copyFile(from, to string) (err error) {
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer source.Close()
	target, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(target, source)
	return errors.Join(err, target.Close())
}

// complete has a database file filled under another name, marks it as whole,
// checks it, makes it durable and gives it its name, which must be free.
func complete(ctx context.Context, path string, fill func(context.Context, dbFile) error) (contents Contents, err error) {
	file, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*") // mode 0600
	if err != nil {
		return Contents{}, err
	}
	draft := dbFile(file.Name())
	defer func() { err = errors.Join(err, removeAll(draft)) }()
	if err := file.Close(); err != nil {
		return Contents{}, err
	}
	if err := fill(ctx, draft); err != nil {
		return Contents{}, err
	}
	if contents, err = finish(ctx, draft); err != nil {
		return Contents{}, err
	}
	if err := syncFile(string(draft)); err != nil {
		return Contents{}, err
	}
	// Unlike a rename, a link fails if the name is there.
	if err := os.Link(string(draft), path); err != nil {
		return Contents{}, err
	}
	return contents, syncFile(filepath.Dir(path))
}

// removeAll removes a draft, of which the link may remain, and what SQLite left
// beside it.
func removeAll(draft dbFile) error {
	var errs []error
	for _, suffix := range []string{"", "-wal", "-shm", "-journal"} {
		if err := os.Remove(string(draft) + suffix); !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// finish ends the log of a draft, marks it as whole and checks it.
func finish(ctx context.Context, draft dbFile) (contents Contents, err error) {
	conn, err := draft.open()
	if err != nil {
		return Contents{}, err
	}
	conn.SetInterrupt(ctx.Done())
	defer func() { err = errors.Join(err, conn.Close()) }()
	if err := script(conn, "PRAGMA synchronous = full; PRAGMA journal_mode = delete"); err != nil {
		return Contents{}, err
	}
	s := &session{conn: conn}
	if err := s.setWhole(); err != nil {
		return Contents{}, err
	}
	return inspect(conn)
}

// inspect checks a database and counts what it holds.
func inspect(conn *sqlite.Conn) (c Contents, err error) {
	switch found, err := one(conn, "PRAGMA integrity_check(1)", scanText); {
	case err != nil:
		return Contents{}, err
	case found != "ok":
		return Contents{}, fmt.Errorf("%w: %s", sqlite.ResultCorrupt.ToError(), strings.Join(strings.Fields(found), " "))
	}
	for query, count := range map[string]*int64{
		"SELECT count(DISTINCT id) FROM webhook":              &c.Webhooks,
		"SELECT count(*) FROM delivery":                       &c.Deliveries,
		"SELECT count(*) FROM delivery WHERE due IS NOT NULL": &c.Open,
	} {
		if *count, err = one(conn, query, scanInt); err != nil {
			return Contents{}, err
		}
	}
	c.Accounts = map[webhook.API]int64{}
	err = query(conn, "SELECT dialect, count(*) FROM account WHERE id <> '' GROUP BY dialect", func(r *row) error {
		api := webhook.API(r.text())
		c.Accounts[api] = r.int()
		return nil
	})
	if err != nil {
		return Contents{}, err
	}
	c.SealingKeys, err = all(conn, "SELECT id FROM sealing_key WHERE wrapped_private IS NULL ORDER BY created_at, id", scanText)
	return c, err
}

// syncFile makes a file that no connection has open durable, or the names in a
// directory.
func syncFile(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(file.Sync(), file.Close())
}
