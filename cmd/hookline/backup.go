package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hookline/hookline/pkg/operator"
	"github.com/hookline/hookline/pkg/seal/keyfile"
	"github.com/hookline/hookline/pkg/store/sqlite"
)

// archiveSuffix is what the name of a backup in one file ends with.
const archiveSuffix = ".tar"

type backupCommand struct {
	Target string `arg:"" help:"Directory to create, or file to create if its name ends with .tar." placeholder:"DIR|FILE.tar"`
}

// backupResult is the JSON output of backup and restore.
type backupResult struct {
	Path       string `json:"path"`
	Accounts   int64  `json:"accounts"`
	Webhooks   int64  `json:"webhooks"`
	Deliveries int64  `json:"deliveries"`
	// Pending counts the deliveries that are still to be attempted.
	Pending    int64  `json:"pending"`
	SealingKey string `json:"sealing_key,omitzero"`
}

// newBackupResult counts the customers' accounts, as `account list` does: the
// operator's own is there for its tokens.
func newBackupResult(path string, c sqlite.Contents, key keyfile.Key) backupResult {
	var accounts int64
	for api, n := range c.Accounts {
		if api != operator.Name {
			accounts += n
		}
	}
	return backupResult{path, accounts, c.Webhooks, c.Deliveries, c.Open, key.ID()}
}

func (r backupResult) text(done string) string {
	key := r.SealingKey
	if key == "" {
		key = "none yet, since no server has been started"
	}
	return fmt.Sprintf("%s %s, checked: %d accounts, %d webhooks, %d deliveries of which %d are still to be attempted; sealing key %s\n",
		done, r.Path, r.Accounts, r.Webhooks, r.Deliveries, r.Pending, key)
}

// Run copies the database and the sealing key, beside a running server or not.
func (c *backupCommand) Run(ctx context.Context, p *program) (err error) {
	if err := p.mustBeFile("backup"); err != nil {
		return err
	}
	if _, err := os.Lstat(c.Target); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s exists; a backup replaces nothing, so choose another name", c.Target)
	}
	s, err := p.openStore(ctx, mustExist)
	if err != nil {
		return err
	}
	defer s.closeInto(&err)
	parent := filepath.Dir(filepath.Clean(c.Target))
	draft, err := os.MkdirTemp(parent, "."+filepath.Base(c.Target)+".*") // mode 0700
	if err != nil {
		return fmt.Errorf("backup into %s: %w; choose a directory that this user can write to", parent, cause(err))
	}
	defer func() { err = errors.Join(err, os.RemoveAll(draft)) }()
	contents, err := s.file.Backup(ctx, filepath.Join(draft, databaseName))
	if err != nil {
		return err
	}
	key, err := copyKey(filepath.Join(p.flags.Data, keyfile.Name), draft, contents)
	if err != nil {
		return err
	}
	if err := giveName(draft, c.Target); err != nil {
		return fmt.Errorf("backup to %s: %w", c.Target, cause(err))
	}
	result := newBackupResult(c.Target, contents, key)
	return p.show(result, result.text("backed up to"))
}

// mustBeFile refuses a command that concerns the SQLite file only.
func (p *program) mustBeFile(command string) error {
	if p.flags.remote() || p.flags.Store.prefix != "" {
		return usageErrorf("%s: is for the SQLite file in --data, on its own machine; DynamoDB's tables have point-in-time recovery", command)
	}
	return nil
}

// copyKey copies a sealing key file into dir after checking that it is the key
// of the data. Data that no server has used yet has none.
func copyKey(from, dir string, contents sqlite.Contents) (keyfile.Key, error) {
	if len(contents.SealingKeys) == 0 {
		return keyfile.Key{}, nil
	}
	key, err := keyfile.Load(filepath.Dir(from))
	if err != nil {
		return keyfile.Key{}, err
	}
	if wanted := contents.SealingKeys[0]; key.ID() != wanted { // the oldest; see knownSealingKey
		return keyfile.Key{}, fmt.Errorf("%s: the file holds %s, but the data is sealed with %s", from, key.ID(), wanted)
	}
	content, err := os.ReadFile(from)
	if err != nil {
		return keyfile.Key{}, err
	}
	if err := writeFile(filepath.Join(dir, keyfile.Name), content); err != nil {
		return keyfile.Key{}, fmt.Errorf("copy %s: %w", from, cause(err))
	}
	return key, syncDir(dir)
}

// writeFile writes a new file with mode 0600, synced.
func writeFile(path string, content []byte) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	return errors.Join(err, file.Sync(), file.Close())
}

// giveName gives a finished backup its name.
func giveName(draft, target string) error {
	target = filepath.Clean(target)
	if strings.HasSuffix(target, archiveSuffix) {
		archive := filepath.Join(draft, "backup"+archiveSuffix)
		if err := pack(draft, archive); err != nil {
			return err
		}
		// Unlike a rename, a link fails if the name is there.
		if err := os.Link(archive, target); err != nil {
			return err
		}
	} else if err := os.Rename(draft, target); err != nil {
		return err
	}
	return syncDir(filepath.Dir(target))
}

// archived are the files of a backup.
func archived() []string { return []string{databaseName, keyfile.Name} }

// isArchived reports whether a name is that of a file of a backup.
func isArchived(name string) bool { return slices.Contains(archived(), name) }
