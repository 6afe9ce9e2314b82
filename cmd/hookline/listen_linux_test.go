package main

import (
	"bufio"
	"fmt"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// pseudoTerminal opens a pseudo-terminal: what is written to tty is read from
// screen.
func pseudoTerminal(t testing.TB) (screen, tty *os.File) {
	t.Helper()
	screen, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = screen.Close() })
	number, err := unix.IoctlGetInt(int(screen.Fd()), unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(int(screen.Fd()), unix.TIOCSPTLCK, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	if tty, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tty.Close() })
	return screen, tty
}

// A terminal gets colours, unless it, its owner or the command line says
// otherwise; and nothing that came in makes it do more.
func TestListenOnATerminal(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, variable, value string
		args                  []string
		colours               bool
	}{
		{"as it is", "TERM", "xterm-256color", nil, true},
		{"no TERM", "NONE", "", nil, true},
		{"empty NO_COLOR", "NO_COLOR", "", nil, true},
		{"NO_COLOR", "NO_COLOR", "1", nil, false},
		{"a terminal without", "TERM", "dumb", nil, false},
		{"--no-color", "TERM", "xterm", []string{"--no-color"}, false},
		{"--json", "TERM", "xterm", []string{"--json"}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			screen, tty := pseudoTerminal(t)
			getenv := func(name string) string {
				if name == tt.variable {
					return tt.value
				}
				return ""
			}
			_, url, stop := listenTo(t, getenv, tty, tt.args...)
			if _, err := post(t.Context(), newClient(t), url, "{\"a\":\"\u009b31m\"}\x1b[31m"); err != nil {
				t.Fatal(err)
			}
			var text string
			for reader := bufio.NewReader(screen); !strings.Contains(text, "200"); {
				line, err := reader.ReadString('\n')
				if err != nil {
					t.Fatal(err)
				}
				text += line
			}
			if err := stop(); err != nil {
				t.Error(err)
			}
			if strings.Contains(text, "\x1b[") != tt.colours {
				t.Errorf("%q: want colours: %t", text, tt.colours)
			}
			if strings.Contains(text, "\x1b[31m") || strings.Contains(text, "\u009b") {
				t.Errorf("the body came through: %q", text)
			}
		})
	}
}
