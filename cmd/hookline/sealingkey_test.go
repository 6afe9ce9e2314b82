package main

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/hookline/hookline/pkg/seal/keyfile"
	"github.com/hookline/hookline/pkg/store/sqlite"
	"github.com/hookline/hookline/pkg/webhook"
)

// openData opens the SQLite store of a data directory.
func openData(t testing.TB, data string) *sqlite.Store {
	t.Helper()
	s, err := sqlite.Open(filepath.Join(data, databaseName), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// notedKeys are the ids in the keyring.
func notedKeys(t testing.TB, data string) []string {
	t.Helper()
	keys, err := openData(t, data).SealingKeys(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, k := range keys {
		ids = append(ids, k.ID)
	}
	return ids
}

// started boots and stops a server, so that its data is there.
func started(t *testing.T) (data string, key keyfile.Key) {
	t.Helper()
	data = t.TempDir()
	if err := boot(t, data).stop(); err != nil {
		t.Fatal(err)
	}
	key, err := keyfile.Load(data)
	if err != nil {
		t.Fatal(err)
	}
	if noted := notedKeys(t, data); len(noted) != 1 || noted[0] != key.ID() {
		t.Fatalf("the keyring holds %v, want %s alone", noted, key.ID())
	}
	return data, key
}

func TestSealingKeyStays(t *testing.T) {
	t.Parallel()
	data, key := started(t)
	if err := boot(t, data).stop(); err != nil {
		t.Fatal(err)
	}
	if again, err := keyfile.Load(data); err != nil || again.ID() != key.ID() {
		t.Errorf("the key is %v after the second start, %v; want %v", again, err, key)
	}
}

func TestSealingKeyMissing(t *testing.T) {
	t.Parallel()
	data, _ := started(t)
	path := filepath.Join(data, keyfile.Name)
	remove(t, path)
	line := fails(t, exitFailed, serveArgs(data)...)
	contains(t, line, path, "restore it from your backup")
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Error("a new key was made in place of the missing one")
	}
	cli(t, "account", "create", "squake:acme", "--data", data) // needs no key
}

func TestSealingKeyExchanged(t *testing.T) {
	t.Parallel()
	data, key := started(t)
	remove(t, filepath.Join(data, keyfile.Name))
	other, err := keyfile.Create(data)
	if err != nil {
		t.Fatal(err)
	}
	line := fails(t, exitFailed, serveArgs(data)...)
	contains(t, line, keyfile.Name, key.ID(), other.ID(), "restore that key from your backup")
	if noted := notedKeys(t, data); len(noted) != 1 || noted[0] != key.ID() {
		t.Errorf("the keyring holds %v, want %s alone", noted, key.ID())
	}
}

// A first start that was killed between making the file and noting its id is
// completed by the next.
func TestSealingKeyNotYetNoted(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	cli(t, "account", "create", "squake:acme", "--data", data)
	key, err := keyfile.Create(data)
	if err != nil {
		t.Fatal(err)
	}
	if err := boot(t, data).stop(); err != nil {
		t.Fatal(err)
	}
	if noted := notedKeys(t, data); len(noted) != 1 || noted[0] != key.ID() {
		t.Errorf("the keyring holds %v, want %s", noted, key.ID())
	}
}

// Of two keys that were noted at once, as by servers on two machines, the
// older one is the data's.
func TestSealingKeyNotedTwice(t *testing.T) {
	t.Parallel()
	data, key := started(t)
	noted, err := openData(t, data).SealingKeys(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	later := webhook.SealingKey{ID: "local-0", Public: noted[0].Public, CreatedAt: noted[0].CreatedAt.Add(1e9)}
	if _, err := openData(t, data).AddSealingKey(t.Context(), later); err != nil {
		t.Fatal(err)
	}
	if err := boot(t, data).stop(); err != nil {
		t.Fatal(err)
	}
	earlier := webhook.SealingKey{ID: "local-z", Public: noted[0].Public, CreatedAt: noted[0].CreatedAt.Add(-1e9)}
	if _, err := openData(t, data).AddSealingKey(t.Context(), earlier); err != nil {
		t.Fatal(err)
	}
	contains(t, fails(t, exitFailed, serveArgs(data)...), key.ID(), earlier.ID)
}

func TestSealingKeyOfAStack(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	cli(t, "account", "create", "squake:acme", "--data", data)
	kms := webhook.SealingKey{ID: "v1-abc", Public: []byte{4}, WrappedPrivate: []byte{1}}
	if _, err := openData(t, data).AddSealingKey(t.Context(), kms); err != nil {
		t.Fatal(err)
	}
	contains(t, fails(t, exitFailed, serveArgs(data)...), "v1-abc", "deployed stack", "--store")
}
