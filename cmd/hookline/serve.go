package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"syscall"
	"time"

	"github.com/hookline/hookline/pkg/api"
	"github.com/hookline/hookline/pkg/api/all"
	"github.com/hookline/hookline/pkg/delivery"
	"github.com/hookline/hookline/pkg/delivery/sender"
	"github.com/hookline/hookline/pkg/operator"
	"github.com/hookline/hookline/pkg/portal"
	"github.com/hookline/hookline/pkg/seal"
	"github.com/hookline/hookline/pkg/seal/open"
	"github.com/hookline/hookline/pkg/store/sqlite"
	"github.com/hookline/hookline/pkg/terminal"
	"github.com/hookline/hookline/pkg/validate"
	"github.com/hookline/hookline/pkg/webhook"
)

type serveCommand struct {
	Listen       string `help:"Address and port; port 0 selects a free one (default: 127.0.0.1:8080)." default:"127.0.0.1:8080" placeholder:"HOST:PORT"`
	Dev          bool   `help:"For development: allow http and private targets, and create a demo account for each API."`
	AllowHTTP    bool   `help:"Accept webhook URLs with http as well as https."`
	AllowPrivate bool   `help:"Accept webhook URLs with private addresses and any port."`

	AllowNetwork validate.Networks `env:"HOOKLINE_ALLOW_NETWORK" help:"Accept webhook URLs with addresses in this private network as well, such as 10.20.0.0/16 (repeatable)." placeholder:"NETWORK"`

	NotifyURL     string `name:"notify-url" env:"HOOKLINE_NOTIFY_URL" help:"URL of yours that notices about failing webhooks are sent to (default: none are)." placeholder:"URL"`
	NotifyKeyFile string `name:"notify-key-file" env:"HOOKLINE_NOTIFY_KEY_FILE" help:"File with the key that signs the notices: whsec_ and base64 of 24 to 64 bytes." placeholder:"FILE"`

	PortalURL string `name:"portal-url" env:"HOOKLINE_PORTAL_URL" help:"Where browsers reach this server, such as https://hooks.example.com, if not at --listen. The portal needs https, except on this machine." placeholder:"URL"`

	TLS     tlsFlags     `embed:"" prefix:"tls-"`
	Proxy   proxyFlags   `embed:"" prefix:"trusted-"`
	Metrics metricsFlags `embed:"" prefix:"metrics-"`
	Log     logFlags     `embed:"" prefix:"log-"`
}

// Validate checks the addresses.
func (c *serveCommand) Validate() error {
	if !isAddress(c.Listen) {
		return fmt.Errorf("--listen %q: write it <host>:<port>, such as 127.0.0.1:8080", c.Listen)
	}
	return c.Metrics.validate()
}

// isAddress reports whether text is a host, which may be empty, and a port.
func isAddress(text string) bool {
	_, port, err := net.SplitHostPort(text)
	_, portErr := strconv.ParseUint(port, 10, 16)
	return err == nil && portErr == nil
}

// Run serves until ctx ends.
func (c *serveCommand) Run(ctx context.Context, p *program) (err error) {
	if p.flags.remote() {
		return usageErrorf("serve: a deployed stack or a server serves by itself; omit --stack and --url")
	}
	log := slog.New(c.Log.handler(terminal.NewWriter(p.stderr)))
	if names := p.settings.unset(); len(names) > 0 {
		log.Warn("these settings of the file must be in the environment", "names", names)
	}
	s, err := c.boot(ctx, p, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if err := c.welcome(ctx, p, s); err != nil {
		return err
	}
	log.Info("started", "address", s.listener.Addr().String(), "data", p.flags.Data, "store", p.flags.Store.String(), "dev", c.Dev)
	return s.Run(ctx)
}

// boot locks the data directory, opens the store, loads the sealing key, builds
// all APIs and opens the port, in this order. If a step fails, it releases
// everything.
func (c *serveCommand) boot(ctx context.Context, p *program, log *slog.Logger) (s *server, err error) {
	s = &server{log: log, timeout: stopTimeout}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	if err := makeDataDir(p.flags.Data); err != nil {
		return s, err
	}
	if err := checkDataDir(p.flags.Data); err != nil {
		return s, err
	}
	certificate, err := c.TLS.certificate(log)
	if err != nil {
		return s, err
	}
	measured, err := c.measure(ctx, p, log)
	if err != nil {
		return s, err
	}
	unlock, err := lockDataDir(p.flags.Data)
	if err != nil {
		return s, err
	}
	s.closeLater(unlock)
	s.notePortal(p.flags.Data, "") // in place of what a former server noted
	opened, err := p.openStoreWith(ctx, createTables, sqlite.Options{Logger: log, Observer: measured.store})
	if err != nil {
		return s, err
	}
	s.store = opened.Store
	s.closeLater(opened.close)
	handler, err := c.build(ctx, p, s, opened, measured)
	if err != nil {
		return s, err
	}
	listener, err := listen(ctx, c.Listen, "--listen")
	if err != nil {
		return s, err
	}
	limited := limitConnections(listener, connectionLimit(openFiles()))
	s.listener = limited
	s.closeLater(s.closeListener)
	s.router, s.http = handler, newHTTPServer(handler, log)
	s.http.TLSConfig, s.https = certificate, certificate != nil
	limited.serveOn(s.http)
	if s.portal.links != nil {
		s.notePortal(p.flags.Data, p.flags.Store.String()+" "+cmp.Or(c.PortalURL, s.url()))
	}
	return s, measured.start(ctx, s, limited, opened.file, p.now)
}

// build builds all APIs over the store, and the dispatcher.
func (c *serveCommand) build(ctx context.Context, p *program, s *server, opened openedStore, measured observers) (*router, error) {
	key, err := sealingKey(ctx, s.store, p.flags.Data, p.now)
	if err != nil {
		return nil, err
	}
	sealer, err := seal.NewSealer(key.ID(), key.Public(), p.now)
	if err != nil {
		return nil, err
	}
	urls := c.urls()
	setup := api.Setup{
		Store: s.store, Sealer: sealer, Keys: p.keys, Now: p.now, Log: s.log, URLs: urls, Getenv: p.getenv,
		Deadline: p.timeouts.request, Deployed: c.deployed(p), Observer: measured.requests,
	}
	handler, err := newRouter(all.APIs(), setup, s.store)
	if err != nil {
		return nil, err
	}
	sendings, err := p.sendings()
	if err != nil {
		return nil, err
	}
	notify, err := c.notices(p, urls)
	if err != nil {
		return nil, err
	}
	s.dispatcher = newDispatcher(dispatcherConfig{
		notices: notify, observe: measured.attempted,
		store: s.store, file: opened.file, opener: open.New(key), sendings: sendings, now: p.now, log: s.log,
		sender: senderConfig(urls, p.now),
	})
	handler.apis[operator.Path] = operator.New(operator.Config{
		Publisher: delivery.NewPublisher(delivery.PublisherConfig{
			Store: s.store, Queue: s.dispatcher.queue, Sendings: sendings, NewID: p.keys.UUID, Now: p.now, Log: s.log,
		}),
		Tokens: s.store, Keys: p.keys, Now: p.now, Log: s.log,
		Published: measured.published, Observer: measured.requests,
	})
	if s.portal, err = c.portal(p, s, setup, sendings); err != nil {
		return nil, err
	}
	pages := ""
	if s.portal.handler != nil {
		pages = portal.Prefix
		handler.apis[pages] = s.portal.handler
	}
	maps.Copy(handler.apis, newDocs(pages, handler.unknown))
	handler.apis[operator.Prefix] = operator.NewManage(operator.ManageConfig{
		Store: s.store, Queue: s.dispatcher.queue, APIs: all.APIs(), Sendings: sendings,
		Tokens: s.store, Keys: p.keys, Now: p.now, Log: s.log, Deadline: p.timeouts.request,
		Observer: measured.requests,
		Links:    s.portal.links, PortalURL: s.portal.url,
	})
	handler.healths = handler.healthHandlers(newReadiness(opened.file, s.dispatcher, p.flags.Data, p.now, s.log))
	return handler, s.dispatcher.takeOver(ctx)
}

// urls returns which URLs webhooks may have.
func (c *serveCommand) urls() validate.URLPolicy {
	return validate.URLPolicy{AllowHTTP: c.AllowHTTP || c.Dev, AllowPrivate: c.AllowPrivate || c.Dev, AllowNetworks: c.AllowNetwork}
}

// deployed reports whether the APIs need the settings of a stack: on DynamoDB
// the lists of events bound how many webhooks an account has.
func (c *serveCommand) deployed(p *program) bool { return p.flags.Store.prefix != "" && !c.Dev }

// senderConfig returns how URLs are requested that a policy accepts.
func senderConfig(urls validate.URLPolicy, now func() time.Time) sender.Config {
	return sender.Config{
		Version: webhook.Version, AllowHTTP: urls.AllowHTTP, AllowPrivate: urls.AllowPrivate, AllowNetworks: urls.AllowNetworks, Now: now,
	}
}

// listen opens a port that a flag names. The error says what to do.
func listen(ctx context.Context, address, flag string) (net.Listener, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	switch {
	case err == nil:
		return listener, nil
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("listen on %s: the port is in use; stop what uses it, or choose another with %s", address, flag)
	case errors.Is(err, syscall.EACCES):
		return nil, fmt.Errorf("listen on %s: this user may not use the port; choose one above 1023 with %s", address, flag)
	}
	return nil, fmt.Errorf("%w; choose another address with %s", err, flag)
}

// localURL returns the URL at which a client on this machine reaches a
// listener, whose address may be unspecified.
func localURL(scheme string, address net.Addr) string {
	host := address.String()
	if all, err := netip.ParseAddrPort(host); err == nil && all.Addr().IsUnspecified() {
		name := "127.0.0.1"
		if all.Addr().Is6() {
			name = "localhost" // either family
		}
		host = net.JoinHostPort(name, strconv.Itoa(int(all.Port())))
	}
	return (&url.URL{Scheme: scheme, Host: host}).String()
}
