package main

import "testing"

// What a link cannot be good for is refused by the names of the flags.
func TestPortalOpenIsRefused(t *testing.T) {
	t.Parallel()
	for flag, value := range map[string]string{"--expires": "25h", "--session": "721h"} {
		line := fails(t, exitUsage, "hookline", "portal", "open", "--account", "squake:demo", flag, value)
		contains(t, line, flag+": invalid: it ")
	}
}
