//go:build !unix

package main

import "math"

// openFiles returns how many files the process may have open: here there is no
// limit.
func openFiles() uint64 { return math.MaxUint64 }
