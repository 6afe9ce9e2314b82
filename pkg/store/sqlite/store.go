// Package sqlite is a store.Store in one SQLite file: what
// "hookline serve" keeps its data in when it runs without AWS.
//
// It guarantees that a write that has returned is on disk (WAL, full sync),
// so neither a killed process nor a power cut loses it, and that it is seen
// by every read that starts afterwards. Concurrent writes share one commit;
// each is a request of its own all the same: one that fails, or whose client
// leaves, does not touch the others. Several processes may have the file open
// at once; whoever writes waits up to 30 seconds for the others.
//
// A write whose context ends before its turn is not written. One whose
// context ends while it is being committed returns the context's error and
// may stand.
//
// It refuses files that are not its own, that are damaged, and that a newer
// version has written. It never deletes or repairs a file.
package sqlite

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"github.com/hookline/hookline/pkg/store"
)

// Store is an open database file. Use Open; its methods may be called
// concurrently.
type Store struct {
	writer  *writer
	reader  *readConn // reads of one row
	readers *readPool // reads of many
	close   func() error
}

var _ store.Store = (*Store)(nil)

// Options tune a Store. The zero value is fit for use.
type Options struct {
	// Logger is told what no caller is: that the connection was replaced
	// after a failure. Nothing is logged if nil.
	Logger *slog.Logger
}

// Open opens the database file at path, and makes it, with mode 0600, if
// there is none; its directory must exist. Any number of processes may do so
// at once. An error is one line that says what is wrong with which file and
// what to do about it. The caller closes the Store.
func Open(path string, o Options) (*Store, error) {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	file, err := prepareFile(path)
	if err != nil {
		return nil, explain(path, err)
	}
	first, err := openSession(file)
	if err != nil {
		return nil, explain(path, err)
	}
	s := &Store{writer: newWriter(first, func() (*session, error) { return openSession(file) }, o.Logger)}
	s.close = sync.OnceValue(s.shut)
	if s.reader, err = openReadConn(file, o.Logger); err == nil {
		s.readers, err = openReadPool(file)
	}
	if err != nil {
		_ = s.Close() // what failed first says more
		return nil, explain(path, err)
	}
	return s, nil
}

// Close finishes the writes that were accepted, and the read of each
// connection, then closes the file. What is asked for afterwards fails with
// webhook.ErrUnavailable. Closing again does nothing and returns the same.
func (s *Store) Close() error { return s.close() }

var errClosed = unavailable(errors.New("the store is closed"))

func (s *Store) shut() error {
	var err error
	if s.reader != nil {
		err = s.reader.close()
	}
	if s.readers != nil {
		err = errors.Join(err, s.readers.close())
	}
	// The connection that is closed last carries the log over into the database.
	err = errors.Join(err, s.writer.close())
	if err != nil {
		return fmt.Errorf("close store: %w", err)
	}
	return nil
}
