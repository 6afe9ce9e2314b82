//go:build !unix

package main

// roomAt cannot tell.
func roomAt(string) (bytes uint64, known bool, err error) { return 0, false, nil }

// writable cannot tell.
func writable(string) error { return nil }
