package main

import (
	"os"
	"path/filepath"
	"testing"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"
)

// Files that SQLite can read, and Hookline must not.
func TestForeignData(t *testing.T) {
	for name, c := range map[string]struct{ statement, says string }{
		"another application's": {"CREATE TABLE diary (day TEXT)", "another application"},
		"newer":                 {"PRAGMA application_id = 1214999662; PRAGMA user_version = 9999", "newer version"},
	} {
		t.Run(name, func(t *testing.T) {
			data := t.TempDir()
			path := filepath.Join(data, databaseName)
			conn, err := sqlite.OpenConn(path, sqlite.OpenReadWrite|sqlite.OpenCreate)
			if err != nil {
				t.Fatal(err)
			}
			if err := sqlitex.ExecuteScript(conn, c.statement, nil); err != nil {
				t.Fatal(err)
			}
			if err := conn.Close(); err != nil {
				t.Fatal(err)
			}
			contains(t, fails(t, exitFailed, serveArgs(data)...), path, c.says)
			contains(t, fails(t, exitFailed, "hookline", "account", "list", "--data", data), path, c.says)
			if _, err := os.Stat(filepath.Join(data, "sealing.key")); err == nil {
				t.Error("a sealing key was made for it")
			}
		})
	}
}
