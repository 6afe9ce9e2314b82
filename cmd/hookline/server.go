package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/hookline/hookline/pkg/store"
)

// Time-outs of the HTTP server. An API gives itself 10 s for an answer; the
// client has the rest to take it.
const (
	readHeaderTimeout = 10 * time.Second
	readTimeout       = 20 * time.Second
	writeTimeout      = 30 * time.Second
	idleTimeout       = 2 * time.Minute
	maxHeaderBytes    = 64 << 10
	// stopTimeout is how long requests in flight may take to finish.
	stopTimeout = 15 * time.Second
)

// server is a booted server: it has its data and its port. Run serves, Close
// gives everything back, and must be called in any case.
type server struct {
	store    store.Store
	listener net.Listener
	http     *http.Server
	// dispatcher delivers while the server runs; nil for nothing.
	dispatcher *dispatcher
	log        *slog.Logger
	timeout    time.Duration
	closers    []func() error // in the order of opening
}

func newHTTPServer(handler http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: readHeaderTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
		// OPTIONS * is answered like every other unknown path.
		DisableGeneralOptionsHandler: true,
	}
}

// Run serves and delivers until ctx ends, then takes no new connections, and
// returns when the requests in flight are answered and the attempts under way
// are made. It is an error if requests take longer than the server's timeout,
// and if the port fails; attempts that take longer are cut off, and made again
// at the next start.
func (s *server) Run(ctx context.Context) error {
	stopDelivering := s.deliver(ctx)
	defer stopDelivering()
	ended := make(chan error, 1)
	go func() { ended <- s.http.Serve(s.listener) }()
	select {
	case err := <-ended:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	s.log.Info("stopping", "reason", context.Cause(ctx).Error())
	timeout, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.timeout)
	defer cancel()
	if err := s.http.Shutdown(timeout); err != nil {
		return fmt.Errorf("stop: requests were cut off that took longer than %v: %w", s.timeout, errors.Join(err, s.http.Close()))
	}
	return nil
}

// deliver delivers until the function that it returns is called, which waits
// for the attempts under way.
func (s *server) deliver(ctx context.Context) (stop func()) {
	if s.dispatcher == nil {
		return func() {}
	}
	// It goes on while the last requests are answered.
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var running sync.WaitGroup
	running.Go(func() { s.dispatcher.Run(ctx, s.timeout) })
	return func() {
		cancel()
		running.Wait()
	}
}

// closeLater keeps what Close has to do. The last kept is done first.
func (s *server) closeLater(f func() error) { s.closers = append(s.closers, f) }

// Close gives back what was taken, the store's last writes included.
func (s *server) Close() error {
	var errs []error
	for _, f := range slices.Backward(s.closers) {
		errs = append(errs, f())
	}
	s.closers = nil
	if s.http != nil {
		s.log.Info("stopped")
	}
	return errors.Join(errs...)
}

// closeListener closes a listener that was never served on.
func (s *server) closeListener() error {
	if err := s.listener.Close(); !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}
