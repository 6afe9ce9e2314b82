package main

import (
	"errors"
	"io"
	"log/slog"
)

// logFlags say what a server logs, and how.
type logFlags struct {
	Level  logLevel `help:"Log this and what is worse: debug, info, warn or error (default: info)." default:"info" env:"HOOKLINE_LOG_LEVEL" placeholder:"LEVEL"`
	Format string   `help:"Write the log as JSON or as text (default: json)." default:"json" enum:"json,text" env:"HOOKLINE_LOG_FORMAT" placeholder:"json|text"`
}

// logLevel is the name of a level.
type logLevel struct{ slog.Level }

// UnmarshalText parses a level's name.
func (l *logLevel) UnmarshalText(text []byte) error {
	if l.Level.UnmarshalText(text) != nil {
		return errors.New("must be debug, info, warn or error")
	}
	return nil
}

func (*logLevel) suggestions() []string { return []string{"debug", "info", "warn", "error"} }

// handler returns a handler that writes to w.
func (f logFlags) handler(w io.Writer) slog.Handler {
	options := &slog.HandlerOptions{Level: f.Level.Level}
	if f.Format == "text" {
		return slog.NewTextHandler(w, options)
	}
	return slog.NewJSONHandler(w, options)
}
