package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/hookline/hookline/pkg/api"
	"github.com/hookline/hookline/pkg/api/all"
	"github.com/hookline/hookline/pkg/delivery"
	"github.com/hookline/hookline/pkg/seal/open"
	"github.com/hookline/hookline/pkg/store"
	"github.com/hookline/hookline/pkg/store/dynamo"
	"github.com/hookline/hookline/pkg/store/sqlite"
	"github.com/hookline/hookline/pkg/webhook"
)

const (
	// databaseName is the SQLite file's name in the data directory.
	databaseName = "hookline.db"
	// The suffixes that make the tables' names from a prefix.
	tableSuffix      = "-webhooks"
	deliveriesSuffix = "-deliveries"
)

// storeName is the value of --store. Its zero value means sqlite.
type storeName struct {
	prefix string // of DynamoDB's tables; empty for SQLite
}

// tablePrefix leaves room for the suffixes: table names have up to 255 of these
// characters (Amazon DynamoDB API Reference, CreateTable, TableName).
var tablePrefix = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,240}$`)

// UnmarshalText parses "sqlite" or "dynamodb:<prefix>". The error wraps
// [webhook.ErrInvalid].
func (n *storeName) UnmarshalText(text []byte) error {
	kind, prefix, _ := strings.Cut(string(text), ":")
	switch {
	case string(text) == "sqlite":
		*n = storeName{}
	case kind == "dynamodb" && tablePrefix.MatchString(prefix):
		*n = storeName{prefix: prefix}
	default:
		return fmt.Errorf("store %q: %w: give sqlite, or dynamodb:<prefix> with 1 to 240 of A-Z a-z 0-9 _ . - as prefix", text, webhook.ErrInvalid)
	}
	return nil
}

// String returns the form that UnmarshalText parses.
func (n storeName) String() string {
	if n.prefix == "" {
		return "sqlite"
	}
	return "dynamodb:" + n.prefix
}

// missing says what to do if there is no data yet.
type missing int

const (
	mustExist     missing = iota // fail
	createMissing                // create the data directory and the SQLite file
	createTables                 // create DynamoDB's tables too
)

// openedStore is a store with all that a command needs besides. The caller must
// close it.
type openedStore struct {
	store.Store
	// file is the store if it is a SQLite store, and nil otherwise.
	file *sqlite.Store
	// queue is where a command queues attempts.
	queue delivery.Queue
	// opener opens signing keys.
	opener func(context.Context) (delivery.Opener, error)
	close  func() error
}

// unattended is the queue of a command that runs beside a server. It sends
// nothing, since the server notices what is due.
type unattended struct{}

func (unattended) Lease(webhook.EventKey) (time.Duration, bool)  { return 0, false }
func (unattended) Full() bool                                    { return true }
func (unattended) Send(context.Context, []webhook.Message) error { return nil }

// local completes a store that a local server uses: its signing keys are opened
// with the data directory's sealing key.
func (p *program) local(s openedStore) openedStore {
	s.queue = unattended{}
	s.opener = func(ctx context.Context) (delivery.Opener, error) {
		if err := checkDataDir(p.flags.Data); err != nil {
			return nil, err
		}
		key, err := sealingKey(ctx, s, p.flags.Data, p.now)
		return open.New(key), err
	}
	return s
}

// sendings maps the APIs' names to how their deliveries are made.
type sendings = map[webhook.API]webhook.Sending

// sendings returns them for the program's settings.
func (p *program) sendings() (sendings, error) {
	return api.Sendings(all.APIs(), api.Setup{Keys: p.keys, Getenv: p.getenv})
}

// closeInto closes the store at the end of a function and joins the error to
// that of the function.
func (s openedStore) closeInto(err *error) { *err = errors.Join(*err, s.close()) }

// openStore opens the store that the flags name. It creates only what m says.
// An error is one line that says what to do.
func (p *program) openStore(ctx context.Context, m missing) (openedStore, error) {
	return p.openStoreWith(ctx, m, sqlite.Options{MayMigrate: p.mustNotServe})
}

// mustNotServe fails if a server uses the data. If the data is of an earlier
// version, so is the server, which could not go on with data of this one.
func (p *program) mustNotServe() error {
	served, err := dataDirLocked(p.flags.Data)
	if err == nil && served {
		err = errors.New("a server of that version uses it")
	}
	return err
}

// openStoreWith opens a store, a SQLite file with the given options.
func (p *program) openStoreWith(ctx context.Context, m missing, o sqlite.Options) (openedStore, error) {
	switch {
	case p.flags.remote():
		return openedStore{}, usageErrorf("this command works on the data itself, with --data or --store")
	case p.flags.Store.prefix != "":
		s, err := p.openTables(ctx, p.flags.Store, m)
		return p.local(s), err
	}
	path := filepath.Join(p.flags.Data, databaseName)
	if m == mustExist {
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			return openedStore{}, fmt.Errorf("there is no data in %s; choose another directory with --data, or create an account first", p.flags.Data)
		}
	} else if err := makeDataDir(p.flags.Data); err != nil {
		return openedStore{}, err
	}
	if err := checkDataDir(p.flags.Data); err != nil {
		return openedStore{}, err
	}
	if err := checkDataOfKey(p.flags.Data); err != nil {
		return openedStore{}, err
	}
	s, err := sqlite.Open(path, o)
	if err != nil {
		return openedStore{}, err
	}
	return p.local(openedStore{Store: s, file: s, close: s.Close}), nil
}

// openTables opens DynamoDB's tables of a prefix, in the region and with the
// credentials of the AWS configuration.
func (p *program) openTables(ctx context.Context, name storeName, m missing) (openedStore, error) {
	cfg, err := p.aws(ctx)
	if err != nil {
		return openedStore{}, err
	}
	config, err := p.tableConfig(cfg, name.prefix+tableSuffix, name.prefix+deliveriesSuffix)
	if err != nil {
		return openedStore{}, err
	}
	s, err := dynamo.New(config)
	if err != nil {
		return openedStore{}, err
	}
	if m == createTables {
		if err := createTable(ctx, config); err != nil {
			return openedStore{}, err
		}
		return openedStore{Store: s, close: noClose}, nil
	}
	switch err := s.Check(ctx); {
	case errors.Is(err, dynamo.ErrNoTable):
		return openedStore{}, fmt.Errorf("the tables of %s do not exist in %s; run `hookline serve --store %s` once to create them, or check the prefix and AWS_REGION", name, cfg.Region, name)
	case err != nil:
		return openedStore{}, err
	}
	return openedStore{Store: s, close: noClose}, nil
}

func createTable(ctx context.Context, c dynamo.Config) error {
	ctx, cancel := context.WithTimeout(ctx, tableTimeout)
	defer cancel()
	return dynamo.CreateTable(ctx, c)
}

func noClose() error { return nil }
