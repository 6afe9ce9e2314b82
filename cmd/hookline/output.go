package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/go-json-experiment/json"
)

// show writes a command's result to standard output: as one line of JSON with
// --json, otherwise as text.
func (p *program) show(result any, text string) error {
	if p.flags.JSON {
		line, err := json.Marshal(result, json.Deterministic(true))
		if err != nil {
			return fmt.Errorf("write the result: %w", err)
		}
		text = string(line) + "\n"
	}
	if _, err := io.WriteString(p.stdout, text); err != nil {
		return fmt.Errorf("write the result: %w", err)
	}
	return nil
}

// table aligns rows under their heading, for people.
func table(heading []string, rows [][]string) string {
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	for _, row := range append([][]string{heading}, rows...) {
		_, _ = fmt.Fprintln(w, strings.Join(row, "\t")) // a strings.Builder never fails
	}
	_ = w.Flush()
	return text.String()
}

// fields aligns names and values, one line each, for people.
func fields(lines [][2]string) string {
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	for _, line := range lines {
		_, _ = fmt.Fprintln(w, line[0]+"\t"+line[1]) // a strings.Builder never fails
	}
	_ = w.Flush()
	return text.String()
}

// timeText formats a time, "-" if it is zero.
func timeText(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format(time.RFC3339)
}

// timeOrDash formats a time, "-" if it is nil.
func timeOrDash(t *time.Time) string {
	if t == nil {
		return "-"
	}
	return timeText(*t)
}

// orDash returns text, "-" if it is empty.
func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

func yesNo(yes bool) string {
	if yes {
		return "yes"
	}
	return "no"
}
