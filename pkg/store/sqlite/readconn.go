package sqlite

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"

	"zombiezen.com/go/sqlite"
)

// readConn makes short reads on its own goroutine and connection. After a
// write, SQLite needs longer to start a read than to make it; so reads that
// wait at the same moment share one snapshot, which is not older than any of
// them.
type readConn struct {
	conn     *sqlite.Conn
	logger   *slog.Logger
	observer Observer

	waiting chan func(begun error)
	closing chan struct{} // closed by close
	ended   chan struct{} // closed when the goroutine has ended

	closeErr error // read after ended
}

// maxWaiting is how many reads share a snapshot at most, so that no snapshot
// keeps the log from restarting for long.
const maxWaiting = 64

func openReadConn(file dbFile, o Options) (*readConn, error) {
	conn, err := file.openToRead()
	if err != nil {
		return nil, err
	}
	f := &readConn{
		conn: conn, logger: o.Logger, observer: o.Observer,
		waiting: make(chan func(error), maxWaiting), closing: make(chan struct{}), ended: make(chan struct{}),
	}
	go f.work()
	return f, nil
}

// result is the outcome of a read.
type result[T any] struct {
	value T
	err   error
}

// read calls do and returns its result. do must not keep the connection. It may
// be called, or continue, after read has returned because the context ended.
// The errors are those of readError, and errClosed.
func read[T any](ctx context.Context, f *readConn, do func(*sqlite.Conn) (T, error)) (T, error) {
	var nothing T
	responses := make(chan *result[T], 1)
	job := func(err error) {
		a := &result[T]{}
		defer func() { responses <- a }()
		defer f.caught(&a.err)
		if a.err = err; err == nil {
			a.err = ctx.Err()
		}
		if a.err == nil {
			a.value, a.err = do(f.conn)
		}
	}
	select {
	case f.waiting <- job:
	case <-f.closing:
		return nothing, errClosed
	case <-ctx.Done():
		return nothing, ctx.Err()
	}
	select {
	case a := <-responses:
		f.observer.failedRead(ctx, a.err)
		return a.value, readError(ctx, a.err)
	case <-f.ended:
		return nothing, errClosed
	case <-ctx.Done():
		return nothing, ctx.Err()
	}
}

// caught turns a panic into an error, so that it affects no other read.
func (f *readConn) caught(err *error) {
	if thrown := recover(); thrown != nil {
		*err = fmt.Errorf("panic in a read of the store: %v", thrown)
		f.logger.Error("panic in a read of the store", "panic", thrown, "stack", string(debug.Stack()))
	}
}

// close ends the goroutine and closes the connection.
func (f *readConn) close() error {
	close(f.closing)
	<-f.ended
	return f.closeErr
}

// work is the goroutine that owns the connection.
func (f *readConn) work() {
	defer close(f.ended)
	for {
		select {
		case first := <-f.waiting:
			f.makeGroup(first)
		case <-f.closing:
			f.closeErr = f.conn.Close()
			return
		}
	}
}

// makeGroup makes a read and those that wait.
func (f *readConn) makeGroup(first func(error)) {
	others := len(f.waiting)
	begun := f.begin(others > 0)
	first(begun)
	for range others {
		(<-f.waiting)(begun)
	}
	_ = f.end() // begin tries again
}

// begin ensures that reads from now on are fresh, and if the snapshot is
// shared, that all see the same until end.
func (f *readConn) begin(shared bool) error {
	err := f.end()
	if err == nil && shared {
		_, err = run(f.conn, "BEGIN")
	}
	return err
}

// end ends a shared snapshot.
func (f *readConn) end() error {
	if f.conn.AutocommitEnabled() {
		return nil
	}
	_, err := run(f.conn, "COMMIT")
	return err
}
