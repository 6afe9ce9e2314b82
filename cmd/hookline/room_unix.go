//go:build unix

package main

import "golang.org/x/sys/unix"

// roomAt returns how many bytes this user may still write to the disk of dir.
func roomAt(dir string) (bytes uint64, known bool, err error) {
	var disk unix.Statfs_t
	if err := unix.Statfs(dir, &disk); err != nil {
		return 0, false, err
	}
	return uint64(disk.Bavail) * uint64(disk.Bsize), true, nil //nolint:gosec,unconvert // the types differ between systems
}
