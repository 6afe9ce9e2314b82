// Package sqlite implements [store.Store] in one SQLite file. "hookline serve"
// keeps its data there when it runs without AWS.
//
// A write that has returned is on disk (WAL, full sync), so neither a killed
// process nor a power failure loses it, and every read that starts afterwards
// sees it. Concurrent writes share one commit but remain independent: one that
// fails, or whose client leaves, does not affect the others. Several processes
// may have the file open at once; a writer waits up to 30 seconds for the
// others.
//
// A write whose context ends before its turn is not made. One whose context
// ends during the commit returns the context's error and may have happened.
//
// The package rejects files of other applications, damaged files, files that a
// newer version wrote, and files that were copied without their log. It never
// deletes or repairs a file.
package sqlite

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/hookline/hookline/pkg/store"
	"github.com/hookline/hookline/pkg/webhook"
)

// Store is an open database file; see [Open]. It is safe for concurrent use.
type Store struct {
	file     dbFile
	writer   *writer
	reader   *readConn // reads of one row
	readers  *readPool // reads of many
	close    func() error
	observer Observer
}

var _ store.Store = (*Store)(nil)

// Options configure a Store. The zero value is ready to use.
type Options struct {
	// Logger is told when the connection was replaced after a failure, which no
	// caller learns. Nothing is logged if it is nil.
	Logger *slog.Logger
	// MayMigrate is asked before an existing file is migrated to this version's
	// schema, which earlier versions refuse. Its error ends Open. Nil allows it.
	MayMigrate func() error
	Observer
}

// Observer is told how a store does. Its functions are called from many
// goroutines and must return at once. Those that are nil are not called.
type Observer struct {
	// Committed is told of each commit that is on disk: how many writes shared
	// it, and how long it took from the start of the transaction.
	Committed func(writes int, took time.Duration)
	// Failed is told of each read or write that the database failed. What a
	// caller got wrong, and what a caller no longer waits for, is no failure.
	Failed func(Operation)
}

// Operation is what failed.
type Operation string

// The operations.
const (
	Read  Operation = "read"
	Write Operation = "write"
)

func (o Observer) committed(writes int, began time.Time) {
	if o.Committed != nil && writes > 0 {
		o.Committed(writes, time.Since(began))
	}
}

// failedRead tells of a read's error if it is the database's.
func (o Observer) failedRead(ctx context.Context, err error) {
	if o.Failed != nil && err != nil && ctx.Err() == nil && !errors.Is(err, webhook.ErrNotFound) {
		o.Failed(Read)
	}
}

func (o Observer) failedWrites(n int) {
	for range n {
		if o.Failed != nil {
			o.Failed(Write)
		}
	}
}

// Open opens the database file at path, and creates it with mode 0600 if it
// does not exist; its directory must exist. Any number of processes may do so
// at once. An error is one line that says what is wrong with which file and
// what to do about it. The caller must close the Store.
func Open(path string, o Options) (*Store, error) {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	file, err := prepareFile(path)
	if err != nil {
		return nil, explain(path, err)
	}
	first, err := openSession(file, o.MayMigrate)
	if err != nil {
		return nil, explain(path, err)
	}
	s := &Store{file: file, observer: o.Observer, writer: newWriter(first, func() (*session, error) { return openSession(file, o.MayMigrate) }, o)}
	s.close = sync.OnceValue(s.shut)
	if s.reader, err = openReadConn(file, o); err == nil {
		s.readers, err = openReadPool(file)
	}
	if err != nil {
		_ = s.Close() // the first error says more
		return nil, explain(path, err)
	}
	return s, nil
}

// Close finishes the accepted writes and the current read of each connection,
// then closes the file. A file that cannot be marked as whole, as on a full
// disk, stays open until the process ends: as after a kill it keeps its log and
// nothing is lost. Later calls fail with [webhook.ErrUnavailable]. Closing again
// does nothing and returns the same error.
func (s *Store) Close() error { return s.close() }

var errClosed = unavailable(errors.New("the store is closed"))

func (s *Store) shut() error {
	if !s.writer.close() {
		// The last connection to close would delete the log, without which the
		// file is refused from then on.
		return nil
	}
	var err error
	if s.reader != nil {
		err = s.reader.close()
	}
	if s.readers != nil {
		err = errors.Join(err, s.readers.close())
	}
	// The last connection to close checkpoints the log.
	err = errors.Join(err, s.writer.session.close())
	if err != nil {
		return fmt.Errorf("close store: %w", err)
	}
	return nil
}
