//go:build unix

package main

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// roomAt returns how many bytes this user may still write to the disk of dir.
func roomAt(dir string) (bytes uint64, known bool, err error) {
	var disk unix.Statfs_t
	if err := unix.Statfs(dir, &disk); err != nil {
		return 0, false, err
	}
	return uint64(disk.Bavail) * uint64(disk.Bsize), true, nil //nolint:gosec,unconvert // the types differ between systems
}

// writable returns an error unless this user may make files in a directory.
func writable(dir string) error {
	if err := unix.Access(dir, unix.W_OK|unix.X_OK); err != nil {
		return fmt.Errorf("%s: %w; choose a data directory that this user can write to with --data", dir, err)
	}
	return nil
}
