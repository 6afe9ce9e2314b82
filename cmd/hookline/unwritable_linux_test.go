package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hookline/hookline/internal/test/nobody"
)

func TestUnwritableDirectory(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp("", "hookline") // not below one that only its owner enters
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o555); err != nil {
		t.Fatal(err)
	}
	nobody.Run(t, func() {
		for what, err := range map[string]error{
			"make": makeDataDir(filepath.Join(dir, "data")),
			"lock": func() error { _, err := lockDataDir(dir); return err }(),
		} {
			if err == nil || strings.Contains(err.Error(), "\n") {
				t.Errorf("%s = %v, want one line", what, err)
				continue
			}
			contains(t, err.Error(), dir, "permission denied", "--data")
		}
	})
}
