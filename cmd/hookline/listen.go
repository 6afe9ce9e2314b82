package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"golang.org/x/term"

	"github.com/hookline/hookline/pkg/receiver"
	"github.com/hookline/hookline/pkg/terminal"
)

type listenCommand struct {
	Listen     string        `help:"Address and port; port 0 selects a free one (default: 127.0.0.1:8090)." default:"127.0.0.1:8090" placeholder:"HOST:PORT"`
	Key        []string      `help:"Signing key to verify with, as it was shown when the webhook was registered. @FILE reads it from a file, so that it is in no shell history. May be repeated." sep:"none" placeholder:"KEY|@FILE"`
	Status     int           `help:"Status of the responses, 200 to 599 (default: 200)." default:"200" placeholder:"CODE"`
	Delay      time.Duration `help:"Wait this long before each response, up to 1h, such as 250ms." placeholder:"10s"`
	FailFirst  int           `help:"Respond to the first N deliveries with 500." placeholder:"N"`
	RetryAfter time.Duration `help:"With --status 429 or 503: ask the sender to wait this long." placeholder:"5m"`
	NoColor    bool          `help:"Write without colours, even to a terminal."`
}

const (
	// maxDelay is the maximum --delay.
	maxDelay = time.Hour
	// maxKeyFile is the maximum size of a file with keys.
	maxKeyFile = 64 << 10
)

// Validate checks the flags. It reads no file.
func (c *listenCommand) Validate() error {
	if err := (&serveCommand{Listen: c.Listen}).Validate(); err != nil {
		return err
	}
	switch {
	case c.Status < 200 || c.Status > 599:
		return fmt.Errorf("--status %d: give one from 200 to 599", c.Status)
	case c.Delay < 0 || c.Delay > maxDelay:
		return fmt.Errorf("--delay %v: give one from 0s to 1h", c.Delay)
	case c.FailFirst < 0:
		return fmt.Errorf("--fail-first %d: give a number of deliveries", c.FailFirst)
	case c.RetryAfter < 0:
		return fmt.Errorf("--retry-after %v: give a time to wait, such as 5m", c.RetryAfter)
	case c.RetryAfter > 0 && c.Status != http.StatusTooManyRequests && c.Status != http.StatusServiceUnavailable:
		return errors.New("--retry-after requires --status 429 or 503")
	}
	return nil
}

// Run receives deliveries until ctx ends. It needs no data, local or in AWS.
func (c *listenCommand) Run(ctx context.Context, p *program) (err error) {
	keys, err := c.keys()
	if err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(terminal.NewWriter(p.stderr), &slog.HandlerOptions{Level: slog.LevelWarn}))
	s := &server{log: log, timeout: stopTimeout}
	defer func() { err = errors.Join(err, s.Close()) }()
	if s.listener, err = listen(ctx, c.Listen, "--listen"); err != nil {
		return err
	}
	s.closeLater(s.closeListener)
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	s.http = newHTTPServer(c.receiver(p, keys, log, fail), log)
	s.http.WriteTimeout += c.Delay
	// A delay ends when the program does.
	s.http.BaseContext = func(net.Listener) context.Context { return ctx }
	_, _ = fmt.Fprintln(p.stderr, c.greeting(s.listener.Addr(), len(keys)))
	if err := s.Run(ctx); err != nil {
		return err
	}
	if broken, ok := errors.AsType[*showError](context.Cause(ctx)); ok {
		return broken
	}
	return nil
}

// greeting says where to send deliveries.
func (c *listenCommand) greeting(address net.Addr, keys int) string {
	text := "Listening at " + localURL("http", address) + ": register a webhook with this URL, and stop with Ctrl-C."
	if keys == 0 {
		text += " Without --key no signature is verified."
	}
	return text
}

// showError means that deliveries can no longer be shown.
type showError struct{ error }

func (e *showError) Unwrap() error { return e.error }

// receiver builds the receiver. When it cannot show a delivery, fail is told.
func (c *listenCommand) receiver(p *program, keys []receiver.Key, log *slog.Logger, fail context.CancelCauseFunc) http.Handler {
	show := receiver.Text(p.stdout, c.coloured(p))
	if p.flags.JSON {
		show = receiver.JSON(p.stdout)
	}
	return receiver.New(receiver.Config{
		Keys:      keys,
		Response:  receiver.Response{Status: c.Status, Delay: c.Delay, RetryAfter: c.RetryAfter},
		FailFirst: c.FailFirst,
		Show: func(d receiver.Delivery) error {
			err := show(d)
			if err != nil {
				fail(&showError{err})
			}
			return err
		},
		Note:  func(line string) { log.Warn(line) },
		Now:   p.now,
		Sleep: p.sleep,
	})
}

// coloured reports whether the output is a terminal that may have colours.
// NO_COLOR is described at no-color.org.
func (c *listenCommand) coloured(p *program) bool {
	file, ok := p.stdout.(*os.File)
	return ok && !c.NoColor && p.getenv("NO_COLOR") == "" && p.getenv("TERM") != "dumb" && term.IsTerminal(int(file.Fd()))
}

// keys reads the signing keys. A file may have several, one per line. No error
// quotes a key.
func (c *listenCommand) keys() ([]receiver.Key, error) {
	var keys []receiver.Key
	for i, text := range c.Key {
		origin := "--key"
		if len(c.Key) > 1 {
			origin = fmt.Sprintf("--key number %d", i+1)
		}
		if path, isFile := strings.CutPrefix(text, "@"); isFile {
			var err error
			if text, err = readKeys(path); err != nil {
				return nil, err
			}
			origin = "--key @" + path
		}
		words := strings.Fields(text)
		if len(words) == 0 {
			return nil, usageErrorf("%s: it contains no key", origin)
		}
		for _, word := range words {
			key, err := receiver.ParseKey(word)
			if err != nil {
				return nil, usageErrorf("%s: %w", origin, err)
			}
			keys = append(keys, key)
		}
	}
	return keys, nil
}

// readKeys reads a file with keys.
func readKeys(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("read the signing key: %w", err)
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxKeyFile+1))
	switch {
	case err != nil:
		return "", fmt.Errorf("read the signing key: %w", err)
	case len(text) > maxKeyFile:
		return "", fmt.Errorf("read the signing key: %s is larger than 64 KiB, so it is not a file of keys", path)
	}
	return string(text), nil
}
