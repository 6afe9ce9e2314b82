package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"

	"github.com/hookline/hookline/pkg/api"
	"github.com/hookline/hookline/pkg/api/all"
	"github.com/hookline/hookline/pkg/metrics"
	"github.com/hookline/hookline/pkg/registry"
	"github.com/hookline/hookline/pkg/seal/keyfile"
	"github.com/hookline/hookline/pkg/store"
)

type configCommands struct {
	Check configCheck `cmd:"" help:"Check all that serve would, tell everything that is wrong, and start and change nothing."`
}

// unused stands in for what takes a store: nothing is served.
type unused struct {
	store.Store
	registry.Sealer
}

// configCheck has the flags of serve.
type configCheck struct {
	Serve serveFlags `embed:""`
}

// serveFlags are the flags of serve without its methods, so that parsing does
// not end at the first value that is wrong.
type serveFlags serveCommand

// checkResult is the JSON output of a check.
type checkResult struct {
	OK     bool     `json:"ok"`
	Errors []string `json:"errors"`
}

// Run checks the settings. What is wrong is an error, and JSON output shows it
// too.
func (c *configCheck) Run(ctx context.Context, p *program) error {
	if p.flags.remote() {
		return usageErrorf("config check: checks the settings of a local server; omit --stack and --url")
	}
	serve := serveCommand(c.Serve)
	result := checkResult{Errors: []string{}}
	errs := append(p.settings.errs, serve.errors(ctx, p)...)
	for _, err := range errs {
		result.Errors = append(result.Errors, err.Error())
	}
	if result.OK = len(errs) == 0; result.OK {
		return p.show(result, "the settings are right\n")
	}
	return p.fail(result, errors.Join(errs...))
}

// errors returns all that would keep a server with these flags from starting,
// as far as that can be told without starting it.
func (c *serveCommand) errors(ctx context.Context, p *program) (errs []error) {
	add := func(err error) {
		if err != nil {
			errs = append(errs, err)
		}
	}
	if err := c.Validate(); err != nil {
		add(err)
	} else {
		add(checkHost(ctx, c.Listen, "--listen"))
		if address := c.Metrics.address(); address != "" {
			add(checkHost(ctx, address, "--metrics-listen"))
		}
	}
	log := slog.New(slog.DiscardHandler)
	_, err := c.TLS.certificate(log)
	add(err)
	add(metrics.Check(ctx, c.metricsConfig(p, log)))
	add(checkData(p.flags.Data))
	if p.flags.Store.prefix != "" {
		_, err := p.aws(ctx)
		add(err)
	}
	_, err = newRouter(all.APIs(), api.Setup{
		Store: unused{}, Sealer: unused{}, Keys: p.keys, Now: p.now, Log: log, URLs: c.urls(), Getenv: p.getenv, Deployed: c.deployed(p),
	}, nil)
	add(err)
	_, err = c.notices(p, c.urls())
	add(err)
	_, _, err = c.portalSettings(p)
	add(err)
	return errs
}

// checkHost checks that an address is one of this machine, at a port that is
// free: the server's own may be taken by the server.
func checkHost(ctx context.Context, address, flag string) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return err
	}
	listener, err := listen(ctx, net.JoinHostPort(host, "0"), flag)
	if err != nil {
		return fmt.Errorf("%s %s: %w", flag, address, err)
	}
	return listener.Close()
}

// checkData checks a data directory, or that it can be made.
func checkData(dir string) error {
	switch info, err := os.Stat(dir); {
	case errors.Is(err, fs.ErrNotExist):
		parent := filepath.Dir(filepath.Clean(dir))
		if parent == dir {
			return fmt.Errorf("data directory %s: %w", dir, cause(err))
		}
		return checkParent(dir, parent)
	case err != nil:
		return fmt.Errorf("data directory %s: %w", dir, cause(err))
	case !info.IsDir():
		return fmt.Errorf("data directory %s: is no directory", dir)
	}
	errs := []error{writable(dir), checkDataDir(dir), checkDataOfKey(dir)}
	if _, err := os.Stat(filepath.Join(dir, keyfile.Name)); err == nil {
		_, err := keyfile.Load(dir)
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// checkParent checks that a directory can be made in the first one above it
// that exists.
func checkParent(dir, parent string) error {
	switch info, err := os.Stat(parent); {
	case errors.Is(err, fs.ErrNotExist) && filepath.Dir(parent) != parent:
		return checkParent(dir, filepath.Dir(parent))
	case err != nil:
		return fmt.Errorf("data directory %s: %w", dir, cause(err))
	case !info.IsDir():
		return fmt.Errorf("data directory %s: %s is no directory", dir, parent)
	}
	return writable(parent)
}
