package main

import (
	"io"
	"log"
	"log/slog"
	"strings"
)

// unasked begins what net/http prints with package log, and cannot be told not
// to, when a receiver sends something on a connection that waits for the next
// attempt. What was sent comes behind it.
const unasked = "Unsolicited response received on idle HTTP channel"

// hushReceivers keeps the text of strangers out of the log. What else is
// printed with package log goes there.
func hushReceivers(to *slog.Logger) { log.SetOutput(hush{to}) }

type hush struct{ log *slog.Logger }

var _ io.Writer = hush{}

func (h hush) Write(line []byte) (int, error) {
	text := strings.TrimSpace(string(line))
	if at := strings.Index(text, unasked); at >= 0 {
		text = text[:at+len(unasked)]
	}
	h.log.Warn(text)
	return len(line), nil
}
