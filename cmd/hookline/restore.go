package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/hookline/hookline/pkg/seal/keyfile"
	"github.com/hookline/hookline/pkg/store/sqlite"
)

type restoreCommand struct {
	Source     string `arg:"" help:"A backup: a directory, a .tar file, or a database file that another tool copied, with sealing.key beside it." placeholder:"DIR|FILE"`
	WithoutLog bool   `help:"Accept a whole copy by another tool, such as sqlite3's .backup or Litestream. A file that was copied without its log looks the same and lacks the latest writes." name:"without-log"`
}

// Run puts a backup into an empty data directory, after checking it.
func (c *restoreCommand) Run(ctx context.Context, p *program) (err error) {
	if err := p.mustBeFile("restore"); err != nil {
		return err
	}
	data := p.flags.Data
	if err := makeDataDir(data); err != nil {
		return err
	}
	if err := mustBeEmpty(data); err != nil {
		return err
	}
	unlock, err := lockDataDir(data)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil { // leave it as empty as it was
			err = errors.Join(err, os.Remove(filepath.Join(data, lockName)))
		}
		err = errors.Join(err, unlock())
	}()
	draft, err := os.MkdirTemp(data, ".restore.*")
	if err != nil {
		return fmt.Errorf("restore into %s: %w", data, cause(err))
	}
	defer func() { err = errors.Join(err, os.RemoveAll(draft)) }()
	source, err := c.open(draft)
	if err != nil {
		return fmt.Errorf("restore %s: %w", c.Source, cause(err))
	}
	contents, key, err := c.restore(ctx, source, data)
	if err != nil {
		return err
	}
	result := newBackupResult(data, contents, key)
	return p.show(result, result.text("restored into"))
}

// mustBeEmpty refuses a directory with anything in it but a lock.
func mustBeEmpty(dir string) error {
	files, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, file := range files {
		if file.Name() != lockName {
			return fmt.Errorf("%s is not empty, it has %s; a restore replaces nothing, so choose an empty directory with --data", dir, file.Name())
		}
	}
	return nil
}

// open returns the path of the source's database file. It unpacks an archive
// into draft.
func (c *restoreCommand) open(draft string) (path string, err error) {
	dir := c.Source
	switch info, err := os.Stat(c.Source); {
	case err != nil:
		return "", err
	case info.IsDir():
	case strings.HasSuffix(c.Source, archiveSuffix):
		if err := unpack(c.Source, draft); err != nil {
			return "", err
		}
		dir = draft
	default:
		return c.Source, nil
	}
	path = filepath.Join(dir, databaseName)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("it is not a backup, since it has no %s", databaseName)
	}
	return path, nil
}

// restore copies and checks the database, and then the key. The database comes
// into place first: without its key it is refused.
func (c *restoreCommand) restore(ctx context.Context, source, data string) (sqlite.Contents, keyfile.Key, error) {
	target := filepath.Join(data, databaseName)
	contents, err := sqlite.Restore(ctx, source, target, c.WithoutLog)
	if err != nil {
		return sqlite.Contents{}, keyfile.Key{}, err
	}
	key, err := copyKey(filepath.Join(filepath.Dir(source), keyfile.Name), data, contents)
	if errors.Is(err, keyfile.ErrMissing) {
		err = fmt.Errorf("restore %s: there is no %s with %s; put the one of this data there, since webhooks' signing keys cannot be opened without it",
			c.Source, keyfile.Name, databaseName)
	}
	if err != nil {
		return sqlite.Contents{}, keyfile.Key{}, errors.Join(err, os.Remove(target))
	}
	return contents, key, nil
}
