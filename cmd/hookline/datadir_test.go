package main

import (
	"database/sql"
	"os"
	"path/filepath"
	"testing"
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
			db, err := sql.Open("sqlite", "file:"+path)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := db.ExecContext(t.Context(), c.statement); err != nil {
				t.Fatal(err)
			}
			if err := db.Close(); err != nil {
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
