package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	"golang.org/x/term"

	"github.com/hookline/hookline/pkg/receiver"
	"github.com/hookline/hookline/pkg/terminal"
	"github.com/hookline/hookline/pkg/webhook"
)

type listenCommand struct {
	Account    *accountName  `help:"Register a webhook for --event of this account, such as squake:acme, while this runs: the server must be able to call it, as with serve --dev." placeholder:"<api>:<id>"`
	Event      string        `help:"The event to register, with --account." placeholder:"NAME"`
	ForwardTo  string        `help:"Pass verified deliveries on to this URL of your app, and respond as it does." placeholder:"URL"`
	PublicURL  string        `name:"public-url" help:"With --account: the URL at which the server reaches this one, such as a tunnel's (default: the address)." placeholder:"URL"`
	Listen     string        `help:"Address and port; port 0 selects a free one (default: 127.0.0.1:8090)." default:"127.0.0.1:8090" placeholder:"HOST:PORT"`
	Key        []string      `help:"Signing key to verify with, as it was shown when the webhook was registered. @FILE reads it from a file, so that it is in no shell history. May be repeated." sep:"none" placeholder:"KEY|@FILE"`
	Status     int           `help:"Status of the responses, 200 to 599 (default: 200)." default:"200" placeholder:"CODE"`
	Delay      time.Duration `help:"Wait this long before each response, up to 1h, such as 250ms." placeholder:"10s"`
	FailFirst  int           `help:"Respond to the first N deliveries with 500." placeholder:"N"`
	RetryAfter time.Duration `help:"With --status 429 or 503: ask the sender to wait this long." placeholder:"5m"`
	NoColor    bool          `help:"Write without colours, even to a terminal."`
}

// maxDelay is the maximum --delay.
const maxDelay = time.Hour

// Validate checks the flags. It reads no file.
func (c *listenCommand) Validate() error {
	if err := (&serveCommand{Listen: c.Listen}).Validate(); err != nil {
		return err
	}
	switch {
	case (c.Account == nil) != (c.Event == ""):
		return errors.New("--account and --event: give both, or neither")
	case c.PublicURL != "" && c.Account == nil:
		return errors.New("--public-url requires --account and --event")
	case c.ForwardTo != "" && c.Account == nil && len(c.Key) == 0:
		return errors.New("--forward-to passes on only what is verified: give --account and --event, or --key")
	case c.ForwardTo != "" && (c.Status != http.StatusOK || c.Delay != 0 || c.FailFirst != 0 || c.RetryAfter != 0):
		return errors.New("--forward-to: your app responds; omit --status, --delay, --fail-first and --retry-after")
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

// Run receives deliveries until ctx ends. Without --account it needs no data,
// local or in AWS.
func (c *listenCommand) Run(ctx context.Context, p *program) (err error) {
	keys, err := c.keys()
	if err != nil {
		return err
	}
	forward, err := c.forwarder(p)
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
	var own *ownWebhook
	if c.Account != nil {
		b, err := p.open(ctx, mustExist)
		if err != nil {
			return err
		}
		s.closeLater(b.Close)
		var key webhook.Secret
		if own, key, err = registerOwn(ctx, p, b, *c.Account, c.Event, c.baseURL(s.listener.Addr()), len(keys) > 0); err != nil {
			return err
		}
		if keys, err = withKey(keys, key); err != nil {
			return errors.Join(err, own.Close(ctx))
		}
	}
	s.http = newHTTPServer(c.receiver(p, keys, forward, log, fail), log)
	s.http.WriteTimeout += c.Delay + receiver.ForwardTimeout
	// A delay ends when the program does.
	s.http.BaseContext = func(net.Listener) context.Context { return ctx }
	_, _ = fmt.Fprint(p.stderr, c.greeting(p, s.listener.Addr(), len(keys)))
	if err := serveUntaken(ctx, s, own, fail); err != nil {
		return err
	}
	if broken, ok := errors.AsType[*showError](context.Cause(ctx)); ok {
		return broken
	}
	return nil
}

// serveUntaken serves until ctx ends and the webhook is taken back, so that no
// delivery comes to a closed port.
func serveUntaken(ctx context.Context, s *server, own *ownWebhook, fail context.CancelCauseFunc) error {
	if own == nil {
		return s.Run(ctx)
	}
	serving, stop := context.WithCancel(context.WithoutCancel(ctx))
	taken := make(chan error, 1)
	go func() {
		<-ctx.Done()
		taken <- own.Close(ctx)
		stop()
	}()
	err := s.Run(serving)
	fail(nil) // the port may have failed
	return errors.Join(err, <-taken)
}

// baseURL returns the URL at which the server reaches this program.
func (c *listenCommand) baseURL(address net.Addr) string {
	if c.PublicURL != "" {
		return c.PublicURL
	}
	return localURL("http", address)
}

func (c *listenCommand) forwarder(p *program) (*receiver.Forwarder, error) {
	if c.ForwardTo == "" {
		return nil, nil //nolint:nilnil // none is asked for
	}
	forward, err := receiver.NewForwarder(c.ForwardTo, p.now)
	if err != nil {
		return nil, usageErrorf("--forward-to: %w", err)
	}
	return forward, nil
}

// withKey adds the key of a registration to those that were given.
func withKey(keys []receiver.Key, shown webhook.Secret) ([]receiver.Key, error) {
	if shown.Reveal() == "" {
		return keys, nil
	}
	key, err := receiver.ParseKey(shown.Reveal())
	if err != nil {
		return nil, err
	}
	return append(keys, key), nil
}

// greeting says where to send deliveries.
func (c *listenCommand) greeting(p *program, address net.Addr, keys int) string {
	text := "Listening at " + localURL("http", address) + ": "
	if c.Account == nil {
		text += "register a webhook with this URL, and stop with Ctrl-C."
	} else {
		text += fmt.Sprintf("%s of %s comes here until you stop this with Ctrl-C.", c.Event, c.Account)
	}
	if keys == 0 {
		text += " Without --key no signature is verified."
	}
	if c.ForwardTo != "" {
		text += " What is verified is passed on to " + c.ForwardTo + "."
	}
	text = linef("%s", text)
	if c.Account != nil {
		text += linef("Send a sample with: %s trigger %s %s --account %s", p.again(), c.Account.API, shellQuote(c.Event), c.Account)
	}
	return text
}

// showError means that deliveries can no longer be shown.
type showError struct{ error }

func (e *showError) Unwrap() error { return e.error }

// receiver builds the receiver. When it cannot show a delivery, fail is told.
func (c *listenCommand) receiver(p *program, keys []receiver.Key, forward *receiver.Forwarder, log *slog.Logger, fail context.CancelCauseFunc) http.Handler {
	show := receiver.Text(p.stdout, c.coloured(p))
	if p.flags.JSON {
		show = receiver.JSON(p.stdout)
	}
	return receiver.New(receiver.Config{
		Keys:      keys,
		Response:  receiver.Response{Status: c.Status, Delay: c.Delay, RetryAfter: c.RetryAfter},
		Forward:   forward,
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
