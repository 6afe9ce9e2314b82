package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/gofrs/flock"

	"github.com/hookline/hookline/pkg/seal/keyfile"
)

// lockName is the file in its data directory that a server locks. The operating
// system releases the lock however the server ends.
const lockName = "serve.lock"

// makeDataDir creates a data directory that only this user may enter, and its
// parents, unless it exists. What it creates survives a power failure.
func makeDataDir(dir string) error {
	err := makeDir(filepath.Clean(dir))
	if err == nil {
		return nil
	}
	return fmt.Errorf("data directory %s: %w; choose one that this user can write to with --data", dir, cause(err))
}

func makeDir(dir string) error {
	err := os.Mkdir(dir, 0o700)
	if parent := filepath.Dir(dir); errors.Is(err, fs.ErrNotExist) && parent != dir {
		if err := makeDir(parent); err != nil {
			return err
		}
		err = os.Mkdir(dir, 0o700)
	}
	if errors.Is(err, fs.ErrExist) {
		info, err := os.Stat(dir)
		if err == nil && !info.IsDir() {
			return syscall.ENOTDIR
		}
		return err
	}
	if err != nil {
		return err
	}
	return syncDir(filepath.Dir(dir))
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// cause strips the operation and path from an error of the file system, which
// the message already has.
func cause(err error) error {
	if path, ok := errors.AsType[*fs.PathError](err); ok {
		return path.Err
	}
	return err
}

// checkDataOfKey refuses a data directory whose sealing key is there and whose
// database is missing or empty. A key is made after the database, so that data
// was lost.
func checkDataOfKey(dir string) error {
	key := filepath.Join(dir, keyfile.Name)
	if _, err := os.Stat(key); err != nil {
		return nil //nolint:nilerr // without a key, or with one that cannot be read, others decide
	}
	path := filepath.Join(dir, databaseName)
	if info, err := os.Stat(path); err == nil && info.Size() > 0 || err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil // opening it says what is wrong
	}
	return fmt.Errorf("%s is there, but the data that is sealed with it is missing: %s; restore it from your backup, or move the key away to start empty", key, path)
}

// checkDataDir refuses a data directory that others than this user and root may
// write to or own, and such files of it: whoever writes to them decides where
// events go. The directories above it are not looked at, and neither is a file
// that does not exist.
func checkDataDir(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("data directory %s: %w", dir, cause(err))
	}
	paths := []string{dir}
	for _, entry := range entries {
		if name := entry.Name(); strings.HasPrefix(name, databaseName) || name == keyfile.Name || name == lockName {
			paths = append(paths, filepath.Join(dir, name))
		}
	}
	var open []string
	for _, path := range paths {
		info, err := os.Stat(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return fmt.Errorf("%s: %w", path, cause(err))
		}
		if uid, other := otherOwner(info); other {
			return fmt.Errorf("%s belongs to user %d, who could change the data; run hookline as that user, or make the file this user's with chown", path, uid)
		}
		if othersMayWrite(info) {
			open = append(open, shellQuote(path))
		}
	}
	if len(open) > 0 {
		return fmt.Errorf("others than the owner may write to the data; run chmod go-w %s", strings.Join(open, " "))
	}
	return nil
}

// lockTimeout is how long a data directory may be locked by who only looks.
const lockTimeout = 200 * time.Millisecond

// dataDirLocked reports whether a server uses a data directory.
func dataDirLocked(dir string) (bool, error) {
	path := filepath.Join(dir, lockName)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return false, nil // nor is the file made
	}
	lock := flock.New(path, flock.SetFlag(os.O_RDONLY))
	free, err := lock.TryRLock()
	if err != nil {
		return false, fmt.Errorf("find out whether a server uses %s: %w", dir, cause(err))
	}
	return !free, lock.Unlock()
}

// lockDataDir locks a data directory for one server. It fails if another server
// has it, or if the lock file cannot be created.
func lockDataDir(dir string) (unlock func() error, err error) {
	lock := flock.New(filepath.Join(dir, lockName), flock.SetPermissions(0o600))
	// A command may look for a moment whether a server runs.
	ctx, cancel := context.WithTimeout(context.Background(), lockTimeout)
	defer cancel()
	switch taken, err := lock.TryLockContext(ctx, lockTimeout/20); {
	case err != nil && !errors.Is(err, context.DeadlineExceeded):
		return nil, fmt.Errorf("lock %s: %w; let this user write to the directory, or choose another with --data", lock.Path(), cause(err))
	case !taken:
		return nil, fmt.Errorf("another hookline serve uses %s; stop it, or choose another directory with --data", dir)
	}
	return lock.Unlock, nil
}
