package keyfile

import (
	"errors"
	"io/fs"
	"os"
	"strings"
	"testing"

	"github.com/hookline/hookline/internal/test/nobody"
)

func TestUnwritableDirectory(t *testing.T) {
	dir, err := os.MkdirTemp("", "keyfile")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o555); err != nil {
		t.Fatal(err)
	}
	nobody.Run(t, func() {
		_, err := Create(dir)
		if !errors.Is(err, fs.ErrPermission) || !strings.Contains(err.Error(), dir) || strings.Contains(err.Error(), "\n") {
			t.Errorf("Create = %v, want one line with the path: permission denied", err)
		}
	})
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 0 {
		t.Errorf("the directory holds %v (%v), want nothing", entries, err)
	}
}
