package sqlitestore

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"zombiezen.com/go/sqlite"
)

// finder is the connection for short reads, one at a time. What SQLite does at
// the start of a read, after somebody has written, takes longer than the read;
// so those who wait for one another read from one snapshot. It is never older
// than the call that reads it: whoever comes after it was taken gets the next.
type finder struct {
	// came counts the calls, and gives each its number.
	came atomic.Int64

	mu   sync.Mutex
	conn *sqlite.Conn // nil after close
	gone int64        // calls that had their turn

	// A snapshot is for the calls up to the number upTo, of which left have not
	// had their turn.
	upTo, left int64
}

func openFinder(file dbFile) (*finder, error) {
	conn, err := file.open()
	if err != nil {
		return nil, err
	}
	if err := setToRead(conn); err != nil {
		_ = conn.Close() // what failed first says more
		return nil, err
	}
	return &finder{conn: conn}, nil
}

// read calls do with the connection, which it must not keep, and gives its
// error as it is, or the context's. It must not be called by do.
func (f *finder) read(ctx context.Context, do func(*sqlite.Conn) error) error {
	number := f.came.Add(1)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.gone++
	if f.conn == nil {
		return errClosed
	}
	if err := f.enter(number); err != nil {
		return readFault(ctx, err)
	}
	err := ctx.Err()
	if err == nil {
		err = do(f.conn)
	}
	if f.left == 0 {
		err = errors.Join(err, f.end())
	}
	return readFault(ctx, err)
}

var errClosed = errors.New("the store is closed")

// enter sees to it that the call reads from a snapshot that is fit for it.
func (f *finder) enter(number int64) error {
	if f.inSnapshot() && number <= f.upTo {
		f.left--
		return nil
	}
	if err := f.end(); err != nil {
		return err
	}
	f.upTo = f.came.Load()
	f.left = f.upTo - f.gone
	if f.left == 0 {
		return nil // a statement alone is its own snapshot
	}
	_, err := run(f.conn, "BEGIN")
	return err
}

// end ends the snapshot, if there is one.
func (f *finder) end() error {
	if !f.inSnapshot() {
		return nil
	}
	_, err := run(f.conn, "COMMIT")
	return err
}

func (f *finder) inSnapshot() bool { return !f.conn.AutocommitEnabled() }

// close closes the connection after the call that has its turn.
func (f *finder) close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	conn := f.conn
	f.conn = nil
	return conn.Close()
}
