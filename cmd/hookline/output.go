package main

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/hookline/hookline/pkg/terminal"
)

// show writes a command's result to standard output: as one line of JSON with
// --json, otherwise as text, which [linef], [table] and [fields] make. A
// terminal obeys nothing of either.
func (p *program) show(result any, text string) error {
	if p.flags.JSON {
		line, err := json.Marshal(result, json.Deterministic(true))
		if err != nil {
			return writeError{err}
		}
		text = string(line) + "\n"
	}
	if _, err := io.WriteString(terminal.NewWriter(p.stdout), text); err != nil {
		return writeError{err}
	}
	return nil
}

// writeError means that a result, or help, was not written.
type writeError struct{ error }

func (e writeError) Error() string { return "write the result: " + e.error.Error() }

func (e writeError) Unwrap() error { return e.error }

// fail returns the error of a command that failed. JSON output shows its result
// all the same.
func (p *program) fail(result any, err error) error {
	if !p.flags.JSON {
		return err
	}
	return errors.Join(p.show(result, ""), err)
}

// linef formats one line for people, whatever the values are.
func linef(format string, args ...any) string {
	return terminal.Escape(fmt.Sprintf(format, args...)) + "\n"
}

// list writes a list of what its name says, as [program.show] does: with --jsonl
// one object a line, otherwise whole. To whoever looks at a terminal it says that
// there are none.
func list[T any](p *program, name string, results []T, text string) error {
	if len(results) == 0 && !p.flags.JSON && p.width() > 0 {
		_, _ = io.WriteString(p.stderr, linef("no %s", name))
		return nil
	}
	if !p.flags.JSONL {
		return p.show(results, text)
	}
	for _, result := range results {
		if err := p.show(result, ""); err != nil {
			return err
		}
	}
	return nil
}

// fields aligns names and values, one line each, for people.
func fields(lines [][2]string) string {
	rows := make([][]string, len(lines))
	for i, line := range lines {
		rows[i] = []string{terminal.Escape(line[0]), terminal.Escape(line[1])}
	}
	return aligned(rows)
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
