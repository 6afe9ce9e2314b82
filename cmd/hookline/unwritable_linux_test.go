package main

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
)

// nobody is a user who owns nothing here.
const nobody = 65534

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
	asNobody(t, func() {
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

// asNobody runs f without root's way past permissions, if root runs the test:
// the file system's view of the user belongs to the thread.
func asNobody(t *testing.T, f func()) {
	t.Helper()
	if os.Geteuid() != 0 {
		f()
		return
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := syscall.Setfsuid(nobody); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := syscall.Setfsuid(0); err != nil {
			t.Fatal(err)
		}
	}()
	f()
}
