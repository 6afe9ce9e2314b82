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

// Time-outs of the HTTP server. An API takes at most 10 s for a response; the
// rest is for the client to receive it.
const (
	readHeaderTimeout = 10 * time.Second
	readTimeout       = 20 * time.Second
	writeTimeout      = 30 * time.Second
	idleTimeout       = 2 * time.Minute
	maxHeaderBytes    = 64 << 10
	// stopTimeout is how long requests in flight may take to finish.
	stopTimeout = 15 * time.Second
)

// server is a booted server with its data and port. Run serves. Close releases
// everything and must always be called.
type server struct {
	store    store.Store
	listener net.Listener
	// metricsURL is where Prometheus finds metrics; empty if nowhere.
	metricsURL string
	http       *http.Server
	// https says that http has a certificate, which changes its TLSConfig when it
	// serves.
	https  bool
	router *router // what http serves
	// dispatcher delivers while the server runs. If nil, nothing is delivered.
	dispatcher *dispatcher
	portal     portalSite
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
		// The response to OPTIONS * is that of every unknown path.
		DisableGeneralOptionsHandler: true,
	}
}

// Run serves and delivers until ctx ends. Then it accepts no new connections,
// and returns when the requests in flight have responses and the running
// attempts have ended. It returns an error if requests take longer than the
// server's timeout or if the port fails. Attempts that take longer are cut off,
// and repeated at the next start.
func (s *server) Run(ctx context.Context) error {
	stopDelivering := s.deliver(ctx)
	defer stopDelivering()
	ended := make(chan error, 1)
	go func() { ended <- s.serve() }()
	select {
	case err := <-ended:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	s.log.Info("stopping", "reason", context.Cause(ctx).Error())
	timeout, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.timeout)
	defer cancel()
	if err := s.http.Shutdown(timeout); err != nil {
		return fmt.Errorf("stop: requests that took longer than %v were cut off: %w", s.timeout, errors.Join(err, s.http.Close()))
	}
	return nil
}

// url returns the URL at which a client on this machine reaches the server.
func (s *server) url() string {
	if s.https {
		return localURL("https", s.listener.Addr())
	}
	return localURL("http", s.listener.Addr())
}

// serve answers requests, by TLS if there is a certificate.
func (s *server) serve() error {
	if s.https {
		return s.http.ServeTLS(s.listener, "", "")
	}
	return s.http.Serve(s.listener)
}

// deliver delivers until the returned function is called, which waits for the
// running attempts.
func (s *server) deliver(ctx context.Context) (stop func()) {
	if s.dispatcher == nil {
		return func() {}
	}
	// Delivering continues while the last requests are served.
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var running sync.WaitGroup
	running.Go(func() { s.dispatcher.Run(ctx, s.timeout) })
	return func() {
		cancel()
		running.Wait()
	}
}

// closeLater adds a function for Close to call. The last one is called first.
func (s *server) closeLater(f func() error) { s.closers = append(s.closers, f) }

// Close releases everything, after the store's last writes.
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
