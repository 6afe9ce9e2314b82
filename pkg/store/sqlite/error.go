package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"zombiezen.com/go/sqlite"

	"github.com/hookline/hookline/pkg/webhook"
)

// What may be wrong with a file, besides what SQLite reports.
var (
	errForeign = errors.New("it is the database of another application")
	errNewer   = errors.New("a newer version wrote it")
	errOlder   = errors.New("an earlier version wrote it")
	errNoFile  = errors.New("it is not a regular file")
	errNoWAL   = errors.New("its file system does not allow a write-ahead log")
)

// errUncertain marks a commit that may or may not survive a crash.
var errUncertain = errors.New("commit failed half-way")

// errDamaged marks a record that cannot be read. Other records are unaffected.
var errDamaged = errors.New("damaged record")

// code returns SQLite's primary result code in err, or ResultError if err is
// not one of SQLite's.
func code(err error) sqlite.ResultCode { return sqlite.ErrCode(err).ToPrimary() }

// isBusy reports whether err means that another connection holds a lock.
func isBusy(err error) bool {
	c := code(err)
	return c == sqlite.ResultBusy || c == sqlite.ResultLocked
}

// isFull reports whether err means that a disk has no room.
func isFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || code(err) == sqlite.ResultFull
}

// isOwn reports whether err concerns only one request, or a statement that
// SQLite has undone, and left the transaction intact. After any other error of
// SQLite the transaction may be gone (lang_transaction.html, "Response To
// Errors Within A Transaction").
func isOwn(err error) bool {
	switch code(err) {
	case sqlite.ResultOK, sqlite.ResultConstraint, sqlite.ResultTooBig, sqlite.ResultMismatch, sqlite.ResultRange:
		return true
	case sqlite.ResultError: // not SQLite's, or an unspecific one
		return errors.Is(err, webhook.ErrTaken) || errors.Is(err, webhook.ErrExcluded) || errors.Is(err, webhook.ErrTooMany) ||
			errors.Is(err, webhook.ErrExists) || errors.Is(err, webhook.ErrNotFound) || errors.Is(err, webhook.ErrChanged) ||
			errors.Is(err, errDamaged)
	}
	return false
}

// isCertain reports whether a COMMIT that failed with err has certainly written
// nothing that could reappear. A full disk interrupts the write of the log
// before its last frame, which makes the commit, is complete; a lock or a
// read-only file interrupt it earlier. After other errors, such as that of a
// sync, the frames may be in the log, where recovery after a crash would find
// them.
func isCertain(err error) bool {
	return isBusy(err) || code(err) == sqlite.ResultFull || code(err) == sqlite.ResultReadOnly
}

// unavailable returns an error that means that nothing was written because of
// err.
func unavailable(err error) error { return fmt.Errorf("%w: %w", webhook.ErrUnavailable, err) }

// unknownOutcome returns the error of a write: it wraps
// [webhook.ErrUnknownOutcome] if the write may have happened.
func unknownOutcome(err error) error {
	if errors.Is(err, errUncertain) {
		return fmt.Errorf("%w: %w", webhook.ErrUnknownOutcome, err)
	}
	return err
}

// readError returns the error of a read: the context's if that ended it, or
// [webhook.ErrUnavailable] if the read may be repeated. It keeps
// [webhook.ErrNotFound].
func readError(ctx context.Context, err error) error {
	switch ended := ctx.Err(); {
	case err == nil || errors.Is(err, webhook.ErrNotFound):
		return err
	case ended != nil:
		return ended
	case isBusy(err):
		return unavailable(err)
	}
	return err
}

// explain returns an error that says in one line why the file at path cannot be
// opened, and what to do.
func explain(path string, err error) error {
	return fmt.Errorf("open store %s: %w; %s", path, brief(err), advice(path, err))
}

// brief leaves out of an error what its reader has no use for.
func brief(err error) error {
	var atPath *fs.PathError
	var atLink *os.LinkError
	switch { // their paths are those of temporary files
	case errors.As(err, &atPath):
		return atPath.Err
	case errors.As(err, &atLink):
		return atLink.Err
	case code(err) != sqlite.ResultError && !isBusy(err):
		return innermost(err) // without the statement that failed
	}
	return err
}

// innermost returns the first cause of an error. Of joined errors, the others
// came of the first.
func innermost(err error) error {
	switch e := err.(type) { //nolint:errorlint // it looks at each
	case interface{ Unwrap() []error }:
		return innermost(e.Unwrap()[0])
	case interface{ Unwrap() error }:
		if inner := e.Unwrap(); inner != nil {
			return innermost(inner)
		}
	}
	return err
}

// advice says what to do about err.
func advice(path string, err error) string {
	dir := filepath.Dir(path)
	switch c := code(err); {
	case errors.Is(err, errForeign), errors.Is(err, errNoFile):
		return "choose another file"
	case errors.Is(err, errNewer):
		return "run a version at least as new, or choose another file"
	case errors.Is(err, errOlder):
		return "stop that server and start this version's, or run the program that it runs"
	case errors.Is(err, errNoLog):
		return "put " + filepath.Base(path) + "-wal beside it, or take a copy that hookline backup made; a whole copy by another tool comes back with hookline restore --without-log"
	case errors.Is(err, errNoWAL):
		return "put the file on a local disk"
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
		return "create the directory " + dir
	case isFull(err):
		return "make room on the disk of " + dir
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS), c == sqlite.ResultReadOnly,
		c == sqlite.ResultCantOpen, c == sqlite.ResultPerm:
		return "let this user read and write the file and its directory " + dir
	case c == sqlite.ResultNotADB, c == sqlite.ResultCorrupt:
		return "restore it from a backup, or move it away to start empty"
	case isBusy(err):
		return "end the process that holds it locked, then try again"
	case c == sqlite.ResultIOErr:
		return "check that the disk of " + dir + " has room and works"
	}
	return "check the file and its directory " + dir
}
