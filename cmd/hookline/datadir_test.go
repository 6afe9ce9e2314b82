package main

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"
)

// Files that SQLite can read, and Hookline must not.
func TestForeignData(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ statement, says string }{
		"another application's": {"CREATE TABLE diary (day TEXT)", "another application"},
		"newer":                 {"PRAGMA application_id = 1214999662; PRAGMA user_version = 9999", "newer version"},
	} {
		t.Run(name, func(t *testing.T) {
			data := t.TempDir()
			path := filepath.Join(data, databaseName)
			executeAt(t, path, c.statement)
			contains(t, fails(t, exitFailed, serveArgs(data)...), path, c.says)
			contains(t, fails(t, exitFailed, "hookline", "account", "list", "--data", data), path, c.says)
			if _, err := os.Stat(filepath.Join(data, "sealing.key")); err == nil {
				t.Error("a sealing key was made for it")
			}
		})
	}
}

// executeAt has SQLite execute a script on a file, which it creates.
func executeAt(t *testing.T, path, script string) {
	t.Helper()
	conn, err := sqlite.OpenConn(path, sqlite.OpenReadWrite|sqlite.OpenCreate)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(sqlitex.ExecuteScript(conn, script, nil), conn.Close()); err != nil {
		t.Fatal(err)
	}
}

// A command does not migrate the data of an earlier version while that version's
// server, which could not go on, uses it. Then it does.
func TestEarlierServer(t *testing.T) {
	t.Parallel()
	script, err := os.ReadFile("../../pkg/store/sqlite/testdata/version2.sql")
	if err != nil {
		t.Fatal(err)
	}
	data := t.TempDir()
	path := filepath.Join(data, databaseName)
	executeAt(t, path, string(script))
	stop, err := lockDataDir(data)
	if err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"account", "list"}, {"backup", filepath.Join(t.TempDir(), "b")}} {
		contains(t, fails(t, exitFailed, append([]string{"hookline", "--data", data}, args...)...), path, "earlier version", "stop that server")
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	cli(t, "account", "list", "--data", data)
}

// Data that others may write to, or that belongs to others, is used by no
// command; the error says what mends it, and then it is used again.
func TestDataOfOthers(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("files there have no such bits")
	}
	data := filepath.Join(t.TempDir(), "it's data")
	s := boot(t, data)
	for _, name := range []string{databaseName + "-wal", databaseName + "-shm"} { // made while it runs
		if _, err := os.Stat(filepath.Join(data, name)); err != nil {
			t.Error(err)
		}
	}
	if err := os.WriteFile(filepath.Join(data, databaseName+".bak"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		mode os.FileMode
		own  os.FileMode // what it is otherwise
	}{
		{".", 0o770, 0o700},
		{".", 0o702, 0o700},
		{".", os.ModeSticky | 0o777, 0o755},
		{databaseName, 0o664, 0o644},
		{databaseName, 0o602, 0o600},
		{databaseName + "-wal", 0o620, 0o600},
		{databaseName + "-shm", 0o666, 0o600},
		{databaseName + ".bak", 0o664, 0o600},
		{lockName, 0o622, 0o600},
	} {
		path := filepath.Join(data, tt.name)
		chmod(t, path, tt.mode)
		line := fails(t, exitFailed, "hookline", "account", "list", "--data", data)
		_, mend, found := strings.Cut(strings.TrimSpace(line), "; run ")
		if !found || fails(t, exitFailed, serveArgs(data)...) != line {
			t.Errorf("%s with mode %o: %q, want what to run", tt.name, tt.mode, line)
		}
		if text, err := exec.CommandContext(t.Context(), "sh", "-c", mend).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v, %s", mend, err, text)
		}
		dataDir{data: data}.run(t, "account", "list")
		chmod(t, path, tt.own)
		dataDir{data: data}.run(t, "account", "list")
	}
	// One command mends several.
	chmod(t, data, 0o777)
	chmod(t, filepath.Join(data, databaseName), 0o666)
	contains(t, fails(t, exitFailed, "hookline", "account", "list", "--data", data), databaseName, "chmod go-w '", `it'\''s data`)
	chmod(t, data, 0o700)
	chmod(t, filepath.Join(data, databaseName), 0o600)
	if err := s.stop(); err != nil {
		t.Error(err)
	}
	if os.Geteuid() != 0 {
		t.Skip("only root gives files away")
	}
	for _, name := range []string{".", databaseName, "sealing.key"} {
		path := filepath.Join(data, name)
		if err := os.Chown(path, 65534, -1); err != nil {
			t.Fatal(err)
		}
		contains(t, fails(t, exitFailed, serveArgs(data)...), path, "belongs to user 65534", "chown")
		if err := os.Chown(path, 0, -1); err != nil {
			t.Fatal(err)
		}
	}
	dataDir{data: data}.run(t, "account", "list")
}

func chmod(t *testing.T, path string, mode os.FileMode) {
	t.Helper()
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

// What is made is its owner's alone, whatever the umask is.
func TestNewDataIsItsOwners(t *testing.T) {
	t.Parallel()
	for _, umask := range []string{"0000", "0002", "0077"} {
		data := filepath.Join(t.TempDir(), "data")
		c := spawnCommand(t, io.Discard, exec.Command("sh", append([]string{"-c", "umask " + umask + `; exec hookline "$@"`, "sh"}, serveArgs(data)[1:]...)...))
		cli(t, "account", "create", "squake:acme", "--data", data)
		entries, err := os.ReadDir(data)
		if err != nil || len(entries) < 5 {
			t.Fatalf("%v, %v; want database, log, index, lock and key", entries, err)
		}
		for _, entry := range append(entries, fs.FileInfoToDirEntry(stat(t, data))) {
			info, err := entry.Info()
			if err != nil || info.Mode().Perm()&0o077 != 0 {
				t.Errorf("umask %s: %s has mode %v, %v; want its owner's alone", umask, entry.Name(), info.Mode(), err)
			}
		}
		c.signal(t, os.Interrupt)
		if err := c.wait(t); err != nil {
			t.Error(err)
		}
	}
}

func stat(t *testing.T, path string) fs.FileInfo {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info
}
