package main

import (
	"strings"
	"testing"

	"github.com/hookline/hookline/internal/test/record"
)

// The log's level and form are set by flags and variables; others are refused.
func TestLogFlags(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		flags    []string
		variable [2]string
		want     string // how the log begins; nothing is logged if it is empty
	}{
		"by default":        {nil, [2]string{}, `{"time":`},
		"text":              {[]string{"--log-format", "text"}, [2]string{}, "time="},
		"text by variable":  {nil, [2]string{"HOOKLINE_LOG_FORMAT", "text"}, "time="},
		"level":             {[]string{"--log-level", "WARN"}, [2]string{}, ""},
		"level by variable": {nil, [2]string{"HOOKLINE_LOG_LEVEL", "error"}, ""},
		"flag first":        {[]string{"--log-level", "info"}, [2]string{"HOOKLINE_LOG_LEVEL", "error"}, `{"time":`},
	} {
		t.Run(name, func(t *testing.T) {
			set := func(p *program) {
				p.getenv = func(name string) string { return map[string]string{c.variable[0]: c.variable[1]}[name] }
			}
			log := &record.Buffer{}
			s := bootWith(t, set, log, t.TempDir(), c.flags...)
			if err := s.stop(); err != nil {
				t.Fatal(err)
			}
			if got := log.String(); !strings.HasPrefix(got, c.want) || (got == "") != (c.want == "") {
				t.Errorf("the log is %q, want it to begin with %q", got, c.want)
			}
		})
	}
	for _, wrong := range [][]string{{"--log-level", "loud"}, {"--log-format", "xml"}} {
		contains(t, fails(t, exitUsage, serveArgs(t.TempDir(), wrong...)...), wrong[0])
	}
}
