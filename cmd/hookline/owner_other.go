//go:build !unix

package main

import "io/fs"

// othersMayWrite and otherOwner know nothing where files have no such bits.
func othersMayWrite(fs.FileInfo) bool { return false }

func otherOwner(fs.FileInfo) (uint32, bool) { return 0, false }
