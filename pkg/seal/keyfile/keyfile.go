// Package keyfile keeps the sealing key pair of a local installation in a file
// of its data directory. It guarantees that a key it hands out is on disk for
// good and is the only one there ever was in that directory: the file comes
// into place whole or not at all, is never written over, and of several
// processes that start at once all get the same key. It refuses a file that
// others may read, and one that is damaged.
//
// The file is PEM, one block "PRIVATE KEY" (PKCS #8, RFC 5958) with a P-256
// key. Whoever loses it loses every signing key sealed to it.
package keyfile

import (
	"context"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/hpke"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/hookline/hookline/pkg/webhook"
)

// Name is the file's name in the data directory.
const Name = "sealing.key"

// What can be wrong with the file. The texts say what to do; the wrapping
// error begins with the path. Anything else is the file system's error.
var (
	ErrMissing     = errors.New("the sealing key is missing; restore it from your backup, since webhooks' signing keys cannot be opened without it")
	ErrPermissions = errors.New("the sealing key must be readable by its owner alone; run chmod 600 on it")
	ErrCorrupt     = errors.New("the sealing key is damaged; restore it from your backup")
)

const (
	blockType = "PRIVATE KEY"
	// maxSize is far above the 241 bytes that a key takes.
	maxSize = 4096
)

// Key is a sealing key pair. However it is printed or logged, it shows its id
// only. The zero value is no key.
type Key struct {
	id      string
	private *ecdh.PrivateKey
}

// ID is "local-" and the first 16 hex digits of the public key's SHA-256.
func (k Key) ID() string { return k.id }

// Public is the uncompressed point, 65 bytes.
func (k Key) Public() []byte { return k.private.PublicKey().Bytes() }

// Private gives the private key, if keyID is this key's.
// webhook.ErrNotFound: it is another's.
func (k Key) Private(_ context.Context, keyID string) (hpke.PrivateKey, error) {
	if k.private == nil || keyID != k.id {
		return nil, fmt.Errorf("sealing key %q: %w: the key file holds %q", keyID, webhook.ErrNotFound, k.id)
	}
	return hpke.NewDHKEMPrivateKey(k.private)
}

// Format hides the private key from every fmt verb.
func (k Key) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "sealing key "+k.id) }

// LogValue hides it from log/slog.
func (k Key) LogValue() slog.Value { return slog.StringValue(k.id) }

// Create gives the key of dir, and makes one if there is none. Call it before
// the first record is written, and note the key's ID beside the records; once
// there are any, use Load, which does not make a lost key anew. The key is
// durable when Create returns. dir must exist.
//
//   - ErrPermissions, ErrCorrupt: there is a file, and it is not usable. It is
//     left as it is.
//   - Errors of the file system, with the path: dir is missing, unwritable or
//     full, or cannot hold hard links.
func Create(dir string) (Key, error) {
	key, err := Load(dir)
	if errors.Is(err, ErrMissing) {
		key, err = add(dir)
	}
	if err != nil {
		return Key{}, err
	}
	// Another process may have linked the file and not yet come this far.
	if err := syncDir(dir); err != nil {
		return Key{}, fmt.Errorf("make sealing key durable in %s: %w", dir, err)
	}
	return key, nil
}

// add puts a new key into place and gives the one that stands, which is
// another's if that was quicker.
func add(dir string) (Key, error) {
	private, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		return Key{}, fmt.Errorf("make sealing key: %w", err)
	}
	temp, err := writeTemp(dir, private)
	if err != nil {
		return Key{}, fmt.Errorf("write sealing key in %s: %w", dir, err)
	}
	defer os.Remove(temp)
	// Unlike a rename, a link fails if the name is there.
	if err := os.Link(temp, filepath.Join(dir, Name)); err != nil && !errors.Is(err, fs.ErrExist) {
		return Key{}, fmt.Errorf("put sealing key into place: %w", err)
	}
	return Load(dir)
}

// writeTemp writes the key under a name of its own, synced. A process that
// dies before the link leaves a file that nobody reads.
func writeTemp(dir string, private *ecdh.PrivateKey) (path string, err error) {
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return "", err
	}
	file, err := os.CreateTemp(dir, "."+Name+".*") // O_EXCL, 0600
	if err != nil {
		return "", err
	}
	defer func() {
		if closeErr := file.Close(); err == nil {
			err = closeErr
		}
		if err != nil {
			os.Remove(file.Name())
		}
	}()
	if err := file.Chmod(0o600); err != nil { // whatever the umask is
		return "", err
	}
	if err := pem.Encode(file, &pem.Block{Type: blockType, Bytes: der}); err != nil {
		return "", err
	}
	return file.Name(), file.Sync()
}

// Load reads the key of dir.
//
//   - ErrMissing: there is no such file.
//   - ErrPermissions: others than its owner may read or write it.
//   - ErrCorrupt: it is not one PEM block with a P-256 key.
func Load(dir string) (Key, error) {
	path := filepath.Join(dir, Name)
	key, err := load(path)
	if err != nil {
		return Key{}, fmt.Errorf("%s: %w", path, err)
	}
	return key, nil
}

func load(path string) (Key, error) {
	file, err := os.Open(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return Key{}, ErrMissing
	case errors.Is(err, fs.ErrPermission):
		return Key{}, fmt.Errorf("cannot be read by this user: %w", err)
	case err != nil:
		return Key{}, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return Key{}, err
	}
	if !info.Mode().IsRegular() {
		return Key{}, fmt.Errorf("not a regular file: %w", ErrCorrupt)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return Key{}, fmt.Errorf("mode is %#o: %w", info.Mode().Perm(), ErrPermissions)
	}
	text, err := io.ReadAll(io.LimitReader(file, maxSize))
	if err != nil {
		return Key{}, err
	}
	defer clear(text)
	private, err := parse(text)
	if err != nil {
		return Key{}, err
	}
	return newKey(private), nil
}

// parse reads exactly what writeTemp writes; its errors never quote it.
func parse(text []byte) (*ecdh.PrivateKey, error) {
	block, rest := pem.Decode(text)
	if block == nil || block.Type != blockType || len(rest) != 0 {
		return nil, ErrCorrupt
	}
	defer clear(block.Bytes)
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, ErrCorrupt
	}
	// A P-256 key is parsed as one for signing.
	signing, ok := parsed.(*ecdsa.PrivateKey)
	if !ok {
		return nil, ErrCorrupt
	}
	private, err := signing.ECDH()
	if err != nil || private.Curve() != ecdh.P256() {
		return nil, ErrCorrupt
	}
	return private, nil
}

func newKey(private *ecdh.PrivateKey) Key {
	sum := sha256.Sum256(private.PublicKey().Bytes())
	return Key{id: "local-" + hex.EncodeToString(sum[:8]), private: private}
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
