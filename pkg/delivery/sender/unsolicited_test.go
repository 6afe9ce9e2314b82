package sender_test

import (
	"bytes"
	"errors"
	"log"
	"log/slog"
	"os"
	"strings"
	"testing"

	"github.com/hookline/hookline/pkg/delivery/sender"
)

// What a receiver sends unasked is not in the log; what else is printed with
// package log is.
func TestFilterUnsolicited(t *testing.T) {
	const unasked = "Unsolicited response received on idle HTTP channel"
	defer log.SetOutput(os.Stderr)
	var logged bytes.Buffer
	sender.FilterUnsolicited(slog.New(slog.NewJSONHandler(&logged, nil)))
	log.Printf("%s starting with %q; err=%v", unasked, "HTTP/1.1 408 hunter2", errors.New("<nil>")) //nolint:forbidigo // as net/http does
	log.Print("something else")                                                                     //nolint:forbidigo // the same
	if got := logged.String(); strings.Contains(got, "hunter2") || !strings.Contains(got, unasked) || !strings.Contains(got, `"msg":"`) || !strings.Contains(got, "something else") {
		t.Errorf("logged %s", got)
	}
}
