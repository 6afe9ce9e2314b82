package sqlite

import (
	"context"
	"errors"

	"zombiezen.com/go/sqlite"
)

// readPool has the connections for reads that may take long.
type readPool struct {
	opened  int
	free    chan *sqlite.Conn
	closing chan struct{} // closed by close
}

// maxLists is how many long reads run at once. Others wait for their turn.
const maxLists = 4

func openReadPool(file dbFile) (*readPool, error) {
	l := &readPool{free: make(chan *sqlite.Conn, maxLists), closing: make(chan struct{})}
	for range maxLists {
		conn, err := file.openToRead()
		if err != nil {
			_ = l.close() // the first error says more
			return nil, err
		}
		l.opened++
		l.free <- conn
	}
	return l, nil
}

// list reads all rows. It stops between two rows if the context ends. The
// errors are those of readError, and errClosed.
func list[T any](ctx context.Context, s *Store, text string, scan func(*row) (T, error), args ...any) ([]T, error) {
	if err := ctx.Err(); err != nil {
		return nil, err // a connection may be ready, but no row
	}
	var conn *sqlite.Conn
	select {
	case conn = <-s.readers.free:
	case <-s.readers.closing:
		return nil, errClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { s.readers.free <- conn }()
	rows, err := all(conn, text, func(r *row) (value T, err error) {
		if err := ctx.Err(); err != nil {
			return value, err
		}
		return scan(r)
	}, args...)
	s.observer.failedRead(ctx, err)
	return rows, readError(ctx, err)
}

// close closes the connections when their lists have been read.
func (l *readPool) close() error {
	close(l.closing)
	var errs []error
	for range l.opened {
		errs = append(errs, (<-l.free).Close())
	}
	return errors.Join(errs...)
}
