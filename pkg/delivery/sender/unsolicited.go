package sender

import (
	"log"
	"log/slog"
	"strings"
)

// unasked begins what net/http prints with package log, and cannot be told not
// to, when a receiver sends something on a connection that waits for the next
// attempt. What was sent comes behind it.
const unasked = "Unsolicited response received on idle HTTP channel"

// FilterUnsolicited keeps the text of strangers out of the log of a program
// that delivers: what is printed with package log goes to the logger, at level
// WARN, without what a receiver sent unasked. It is for the program's main,
// since package log is one for all of the process.
func FilterUnsolicited(to *slog.Logger) {
	log.SetFlags(0) // the logger has the time
	log.SetOutput(unsolicitedFilter{to})
}

type unsolicitedFilter struct{ log *slog.Logger }

func (h unsolicitedFilter) Write(line []byte) (int, error) {
	text := strings.TrimSpace(string(line))
	if at := strings.Index(text, unasked); at >= 0 {
		text = text[:at+len(unasked)]
	}
	h.log.Warn(text)
	return len(line), nil
}
