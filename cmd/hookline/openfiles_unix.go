//go:build unix

package main

import "syscall"

// openFiles returns how many files the process may have open. Go has raised
// that as far as it may (package os).
func openFiles() uint64 {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 1024 // the usual limit
	}
	return uint64(limit.Cur) //nolint:unconvert // FreeBSD's is signed
}
