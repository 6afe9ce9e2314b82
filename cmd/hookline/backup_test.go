package main

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/hookline/hookline/pkg/api/all"
	"github.com/hookline/hookline/pkg/seal/keyfile"
)

// What a restore brings back, repeats and loses, with an attempt under way
// while the backup is made: what was delivered before the backup is not
// repeated; what was delivered after it is, under the same webhook-id; events
// and webhooks that came after it are lost, and an event that is published
// again gets the id that it had.
func TestRestoreRepeats(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"folder", "file.tar"} {
		t.Run(name, func(t *testing.T) {
			where, restored := dataDir{data: t.TempDir()}, dataDir{data: t.TempDir()}
			s := boot(t, where.data, "--dev")
			c := openSite(t)
			customer := customers(t, where, s, c)[0]
			where.run(t, "token", "create", "--operator") // makes the operator's account, which is none of the three
			where.run(t, "portal", "close", "--operator") // makes the record of its links, which is none either
			customer.delivered(t, where, c)
			release := c.block()
			under := customer.published(t, where)
			c.next(t)
			backup := filepath.Join(t.TempDir(), name)
			mustCount(t, where.run(t, "backup", "--json", backup), 3, 2, 1)
			release()
			where.becomes(t, customer.account, under, attempted(1))
			const later = `{"kind":"confirmation_document_available","endpoint_url":"https://receiver.example/later"}`
			customer.call(t, s, http.StatusCreated, "POST", "/v2/webhooks", later)
			named := []string{"--id", "after", "--time", time.Now().UTC().Format(time.RFC3339)}
			lost := customer.delivered(t, where, c, named...)
			if err := s.stop(); err != nil {
				t.Fatal(err)
			}

			mustCount(t, restored.run(t, "restore", "--json", backup), 3, 2, 1)
			again := boot(t, restored.data, "--dev")
			customer.verified(t, c.next(t), under)
			restored.becomes(t, customer.account, under, attempted(1))
			contains(t, restored.fails(t, "delivery", "show", lost, "--account", customer.account), "has no delivery")
			customer.call(t, again, http.StatusCreated, "POST", "/v2/webhooks", later)
			if id := customer.delivered(t, restored, c, named...); id != lost {
				t.Errorf("published again, the event has the id %s, want %s", id, lost)
			}
			if err := again.stop(); err != nil {
				t.Fatal(err)
			}
			c.nothingMore(t)
		})
	}
}

// delivered publishes an event and waits until that is recorded as delivered.
func (c *customerOf) delivered(t *testing.T, where dataDir, s *site, more ...string) (id string) {
	t.Helper()
	id = c.published(t, where, more...)
	c.verified(t, s.next(t), id)
	where.becomes(t, c.account, id, attempted(1))
	return id
}

// mustCount demands what a backup or a restore says that it has, with an account
// of each API.
func mustCount(t *testing.T, said string, webhooks, deliveries, pending int64) {
	t.Helper()
	var r backupResult
	decode(t, said, &r)
	accounts := int64(len(all.APIs()))
	if r.Webhooks != webhooks || r.Deliveries != deliveries || r.Pending != pending || r.Accounts != accounts || r.SealingKey == "" {
		t.Errorf("%s, want %d accounts, %d webhooks, %d deliveries, %d pending and a key", said, accounts, webhooks, deliveries, pending)
	}
}

// Copies that lack something are refused by every command, and say what.
func TestIncompleteCopies(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	s := boot(t, data, "--dev")
	without := t.TempDir()
	copyInto(t, without, data, databaseName, keyfile.Name)
	for _, args := range [][]string{serveArgs(without), {"hookline", "account", "list", "--data", without}} {
		contains(t, fails(t, exitFailed, args...), databaseName+"-wal", "hookline backup", "hookline restore")
	}
	keyOnly := t.TempDir()
	copyInto(t, keyOnly, data, keyfile.Name)
	contains(t, fails(t, exitFailed, serveArgs(keyOnly)...), keyfile.Name, databaseName, "restore it from your backup")
	if err := os.WriteFile(filepath.Join(keyOnly, databaseName), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	contains(t, fails(t, exitFailed, serveArgs(keyOnly)...), keyfile.Name, databaseName, "restore it from your backup")
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	copyInto(t, without, data, databaseName) // whole now
	cli(t, "account", "list", "--data", without)
}

func copyInto(t *testing.T, to, from string, names ...string) {
	t.Helper()
	for _, name := range names {
		content, err := os.ReadFile(filepath.Join(from, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(to, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// What backup and restore refuse, leaving nothing.
func TestBackupRefuses(t *testing.T) {
	t.Parallel()
	data, _ := started(t)
	dir := t.TempDir()
	backup := filepath.Join(dir, "backup")
	cli(t, "backup", backup, "--data", data)
	otherKey := filepath.Join(dir, "other")
	cli(t, "backup", otherKey, "--data", data)
	remove(t, filepath.Join(otherKey, keyfile.Name))
	noKey := filepath.Join(dir, "nokey")
	cli(t, "restore", backup, "--data", noKey)
	remove(t, filepath.Join(noKey, keyfile.Name))
	if _, err := keyfile.Create(otherKey); err != nil {
		t.Fatal(err)
	}
	notOurs := filepath.Join(dir, "letter.tar")
	if err := os.WriteFile(notOurs, []byte("Dear operator"), 0o600); err != nil {
		t.Fatal(err)
	}
	keyless, nothing := filepath.Join(dir, "keyless.tar"), filepath.Join(dir, "nothing.tar")
	for archive, of := range map[string]string{keyless: noKey, nothing: t.TempDir()} {
		if err := pack(of, archive); err != nil {
			t.Fatal(err)
		}
	}
	empty := filepath.Join(dir, "empty")
	for _, c := range []struct {
		code int
		args []string
		says string
	}{
		{exitFailed, []string{"backup", backup, "--data", data}, "replaces nothing"},
		{exitFailed, []string{"backup", filepath.Join(dir, "no", "such"), "--data", data}, "no such file"},
		{exitFailed, []string{"backup", filepath.Join(dir, "b"), "--data", noKey}, "sealing key is missing"},
		{exitFailed, []string{"backup", filepath.Join(dir, "b"), "--data", empty}, "there is no data"},
		{exitUsage, []string{"backup", filepath.Join(dir, "b"), "--store", "dynamodb:x"}, "point-in-time recovery"},
		{exitFailed, []string{"restore", backup, "--data", data}, "is not empty"},
		{exitFailed, []string{"restore", otherKey, "--data", empty}, "sealed with"},
		{exitFailed, []string{"restore", noKey, "--data", empty}, "restore " + noKey + ": there is no sealing.key"},
		{exitFailed, []string{"restore", keyless, "--data", empty}, "restore " + keyless + ": there is no sealing.key"},
		{exitFailed, []string{"restore", nothing, "--data", empty}, "restore " + nothing + ": it is not a backup"},
		{exitFailed, []string{"restore", dir, "--data", empty}, "restore " + dir + ": it is not a backup"},
		{exitFailed, []string{"restore", notOurs, "--data", empty}, "letter.tar"},
		{exitFailed, []string{"restore", filepath.Join(dir, "none"), "--data", empty}, "no such file"},
		{exitUsage, []string{"restore", backup, "--stack", "x"}, "point-in-time recovery"},
	} {
		contains(t, fails(t, c.code, append([]string{"hookline"}, c.args...)...), c.says)
	}
	for path, want := range map[string]int{empty: 0, dir: 7} { // backup, other, nokey, three archives, empty
		if left, err := os.ReadDir(path); err != nil || len(left) != want {
			t.Errorf("%s holds %v, %v, want %d", path, left, err, want)
		}
	}
	held := filepath.Join(dir, "held")
	if err := os.Mkdir(held, 0o700); err != nil {
		t.Fatal(err)
	}
	unlock, err := lockDataDir(held)
	if err != nil {
		t.Fatal(err)
	}
	contains(t, fails(t, exitFailed, "hookline", "restore", backup, "--data", held), "another hookline serve")
	if err := unlock(); err != nil {
		t.Fatal(err)
	}
	cli(t, "restore", backup, "--data", held)
}
