package keyfile

import (
	"bytes"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hookline/hookline/pkg/seal"
	"github.com/hookline/hookline/pkg/seal/open"
	"github.com/hookline/hookline/pkg/webhook"
)

var _ open.PrivateKeys = Key{}

func mustCreate(t *testing.T, dir string) Key {
	t.Helper()
	key, err := Create(dir)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestCreateThenLoad(t *testing.T) {
	dir := t.TempDir()
	if _, err := Load(dir); !errors.Is(err, ErrMissing) {
		t.Fatalf("Load before Create = %v, want ErrMissing", err)
	}
	created := mustCreate(t, dir)
	for name, load := range map[string]func(string) (Key, error){"Load": Load, "Create": Create} {
		got, err := load(dir)
		if err != nil || got.ID() != created.ID() || !bytes.Equal(got.Public(), created.Public()) {
			t.Errorf("%s = %v, %v, want %v", name, got, err, created)
		}
	}
	sum := sha256.Sum256(created.Public())
	if want := "local-" + hex.EncodeToString(sum[:])[:16]; created.ID() != want || len(created.Public()) != 65 {
		t.Errorf("id %q of a public key of %d bytes, want %q and 65", created.ID(), len(created.Public()), want)
	}
	onlyKey(t, dir)
	info, err := os.Stat(filepath.Join(dir, Name))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v, want 0600", info.Mode(), err)
	}
}

// onlyKey checks that dir holds the key and nothing that was left behind.
func onlyKey(t *testing.T, dir string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 || entries[0].Name() != Name {
		t.Errorf("the directory holds %v (%v), want %s alone", entries, err, Name)
	}
}

func TestSealsAndOpens(t *testing.T) {
	key := mustCreate(t, t.TempDir())
	sealer, err := seal.NewSealer(key.ID(), key.Public(), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	owner := seal.AccountKey(webhook.Account{API: "shoptet", ID: "1"})
	sealed, err := sealer.Seal(owner, webhook.NewSecret("k"))
	if err != nil {
		t.Fatal(err)
	}
	got, err := open.New(key).Open(t.Context(), owner, sealed)
	if err != nil || got.Reveal() != "k" {
		t.Errorf("Open = %q, %v, want k", got.Reveal(), err)
	}
	other := mustCreate(t, t.TempDir())
	if _, err := open.New(other).Open(t.Context(), owner, sealed); !errors.Is(err, webhook.ErrNotFound) {
		t.Errorf("Open with the key of another directory = %v, want ErrNotFound", err)
	}
	if _, err := (Key{}).Private(t.Context(), ""); !errors.Is(err, webhook.ErrNotFound) {
		t.Errorf("Private of no key = %v, want ErrNotFound", err)
	}
}

func TestKeyHidesItself(t *testing.T) {
	dir := t.TempDir()
	key := mustCreate(t, dir)
	private, err := key.Private(t.Context(), key.ID())
	if err != nil {
		t.Fatal(err)
	}
	raw, err := private.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	holder := struct{ Key Key }{key}
	marshalled, err := json.Marshal(holder)
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "key", key, "holder", holder)
	shown := fmt.Sprintf("%v %+v %#v %s %x %d %s %s", holder, holder, holder, key, key, key, marshalled, &log)
	for _, hidden := range []string{hex.EncodeToString(raw), fmt.Sprint(raw), strings.ToUpper(hex.EncodeToString(raw)), string(raw), fmt.Sprintf("%#v", raw)} {
		if strings.Contains(shown, hidden) {
			t.Errorf("shows the private key: %s", shown)
		}
	}
	if !strings.Contains(shown, key.ID()) {
		t.Errorf("does not show the id: %s", shown)
	}
}

// A process died between the steps of Create.
func TestCrashBetweenSteps(t *testing.T) {
	private, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	t.Run("before anything was written", func(t *testing.T) {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "."+Name+".123"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		first := mustCreate(t, dir)
		if got, err := Load(dir); err != nil || got.ID() != first.ID() {
			t.Errorf("Load = %v, %v, want %v", got, err, first)
		}
	})
	t.Run("before the link", func(t *testing.T) {
		dir := t.TempDir()
		if _, err := writeTemp(dir, private); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(dir); !errors.Is(err, ErrMissing) {
			t.Errorf("Load = %v, want ErrMissing", err)
		}
		if got := mustCreate(t, dir); got.ID() == newKey(private).ID() {
			t.Error("Create took the file that was left behind")
		}
	})
	t.Run("after the link", func(t *testing.T) {
		dir := t.TempDir()
		temp, err := writeTemp(dir, private)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Link(temp, filepath.Join(dir, Name)); err != nil {
			t.Fatal(err)
		}
		if got := mustCreate(t, dir); got.ID() != newKey(private).ID() {
			t.Errorf("Create = %v, want the key that was linked", got)
		}
	})
}

func TestConcurrentCreatorsAgree(t *testing.T) {
	for range 100 {
		dir := t.TempDir()
		ids := make([]string, 4)
		start := make(chan struct{})
		var group sync.WaitGroup
		for i := range ids {
			group.Go(func() {
				<-start
				key, err := Create(dir)
				if err != nil {
					t.Error(err)
				}
				ids[i] = key.ID()
			})
		}
		close(start)
		group.Wait()
		for _, id := range ids {
			if id != ids[0] {
				t.Fatalf("creators have %v", ids)
			}
		}
		onlyKey(t, dir)
	}
}

// createEnv makes the test binary a process that creates a key.
const createEnv = "KEYFILE_TEST_CREATE"

func TestMain(m *testing.M) {
	dir, ok := os.LookupEnv(createEnv)
	if !ok {
		os.Exit(m.Run())
	}
	key, err := Create(dir)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Print(key.ID())
}

func TestConcurrentProcessesAgree(t *testing.T) {
	for range 10 {
		dir := t.TempDir()
		ids := make([]string, 2)
		var group sync.WaitGroup
		for i := range ids {
			group.Go(func() {
				cmd := exec.CommandContext(t.Context(), os.Args[0])
				cmd.Env = append(os.Environ(), createEnv+"="+dir, "GORACE=atexit_sleep_ms=0")
				out, err := cmd.Output()
				if err != nil {
					t.Error(err)
				}
				ids[i] = string(out)
			})
		}
		group.Wait()
		if key, err := Load(dir); err != nil || ids[0] != key.ID() || ids[1] != key.ID() {
			t.Fatalf("the processes have %v, the directory %v (%v)", ids, key, err)
		}
	}
}

func TestWrongMode(t *testing.T) {
	for _, mode := range []fs.FileMode{0o604, 0o640, 0o644, 0o660, 0o620, 0o601, 0o777} {
		dir := t.TempDir()
		mustCreate(t, dir)
		if err := os.Chmod(filepath.Join(dir, Name), mode); err != nil {
			t.Fatal(err)
		}
		refused(t, dir, ErrPermissions)
	}
	dir := t.TempDir()
	mustCreate(t, dir)
	if err := os.Chmod(filepath.Join(dir, Name), 0o400); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(dir); err != nil {
		t.Errorf("mode 0400: %v", err)
	}
}

// refused checks that both ways to a key say want in one line, and that the
// file stays as it is.
func refused(t *testing.T, dir string, want error) {
	t.Helper()
	path := filepath.Join(dir, Name)
	before, _ := os.ReadFile(path) // nothing, where it is a directory
	for name, load := range map[string]func(string) (Key, error){"Load": Load, "Create": Create} {
		_, err := load(dir)
		if !errors.Is(err, want) {
			t.Errorf("%s = %v, want %v", name, err, want)
			continue
		}
		if text := err.Error(); strings.Contains(text, "\n") || !strings.HasPrefix(text, path+": ") {
			t.Errorf("%s says %q, want one line that begins with the path", name, text)
		}
		if after, _ := os.ReadFile(path); !bytes.Equal(before, after) {
			t.Errorf("%s changed the file", name)
		}
	}
}

func TestCorruptFile(t *testing.T) {
	good := t.TempDir()
	mustCreate(t, good)
	text, err := os.ReadFile(filepath.Join(good, Name))
	if err != nil {
		t.Fatal(err)
	}
	contents := map[string][]byte{
		"text after":     append(bytes.Clone(text), 'x'),
		"two keys":       append(bytes.Clone(text), text...),
		"other type":     bytes.ReplaceAll(text, []byte("PRIVATE KEY"), []byte("PUBLIC KEY")),
		"no PKCS8":       pem.EncodeToMemory(&pem.Block{Type: blockType, Bytes: []byte("nonsense")}),
		"other curve":    otherCurve(t),
		"far too long":   bytes.Repeat([]byte("x"), 2*maxSize),
		"nulls":          make([]byte, len(text)),
		"last line gone": text[:bytes.LastIndexByte(text[:len(text)-1], '\n')+1],
	}
	for n := range len(text) - 1 { // the last is a newline, which PEM can do without
		contents[fmt.Sprintf("first %d bytes", n)] = text[:n]
	}
	for name, content := range contents {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, Name), content, 0o600); err != nil {
				t.Fatal(err)
			}
			refused(t, dir, ErrCorrupt)
		})
	}
	t.Run("a directory", func(t *testing.T) {
		dir := t.TempDir()
		if err := os.Mkdir(filepath.Join(dir, Name), 0o700); err != nil {
			t.Fatal(err)
		}
		refused(t, dir, ErrCorrupt)
	})
}

func otherCurve(t *testing.T) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: blockType, Bytes: der})
}

func TestNoDirectory(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "missing")
	if _, err := Create(missing); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), missing) {
		t.Errorf("Create in a missing directory = %v, want the file system's error with the path", err)
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Create(file); err == nil || errors.Is(err, ErrMissing) {
		t.Errorf("Create in a file = %v, want the file system's error", err)
	}
}
