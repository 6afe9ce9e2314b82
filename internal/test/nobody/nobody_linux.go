// Package nobody runs code without root's way past permissions.
package nobody

import (
	"os"
	"runtime"
	"syscall"
	"testing"
)

// id is a user who owns nothing here.
const id = 65534

// Run runs f as a user who owns nothing, if root runs the test: the file
// system's view of the user belongs to the thread.
func Run(t *testing.T, f func()) {
	t.Helper()
	if os.Geteuid() != 0 {
		f()
		return
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := syscall.Setfsuid(id); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := syscall.Setfsuid(0); err != nil {
			t.Fatal(err)
		}
	}()
	f()
}
