//go:build unix

package main

import (
	"io/fs"
	"os"
	"syscall"
)

// othersMayWrite reports whether group or others may write to a file.
func othersMayWrite(info fs.FileInfo) bool { return info.Mode().Perm()&0o022 != 0 }

// otherOwner returns the owner of a file, and whether that is neither this user
// nor root.
func otherOwner(info fs.FileInfo) (uid uint32, other bool) {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, false
	}
	return stat.Uid, stat.Uid != 0 && int64(stat.Uid) != int64(os.Geteuid())
}
