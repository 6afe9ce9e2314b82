package sqlite

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"

	"zombiezen.com/go/sqlite"
)

// readConn makes short reads, on a goroutine and a connection of its own. What
// SQLite does at the start of a read, after somebody has written, takes longer
// than the read; so those that wait at one moment read from one snapshot, which
// is not older than any of them.
type readConn struct {
	conn   *sqlite.Conn
	logger *slog.Logger

	waiting chan func(begun error)
	closing chan struct{} // closed by close
	ended   chan struct{} // closed when the goroutine has ended

	closeErr error // read after ended
}

// maxWaiting is how many reads share a snapshot at most, so that none keeps the
// log from starting anew for long.
const maxWaiting = 64

func openReadConn(file dbFile, logger *slog.Logger) (*readConn, error) {
	conn, err := file.openToRead()
	if err != nil {
		return nil, err
	}
	f := &readConn{
		conn: conn, logger: logger,
		waiting: make(chan func(error), maxWaiting), closing: make(chan struct{}), ended: make(chan struct{}),
	}
	go f.work()
	return f, nil
}

// result is what a read came to.
type result[T any] struct {
	value T
	err   error
}

// read has do read, and gives what it gives. do must not keep the connection,
// and may be called, or go on, after read has returned because the context has
// ended. The errors are those of readFault, and errClosed.
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
		return a.value, readError(ctx, a.err)
	case <-f.ended:
		return nothing, errClosed
	case <-ctx.Done():
		return nothing, ctx.Err()
	}
}

// caught makes an error of a panic: no other read is touched by it.
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

// makeGroup makes a read, and those that wait.
func (f *readConn) makeGroup(first func(error)) {
	others := len(f.waiting)
	begun := f.begin(others > 0)
	first(begun)
	for range others {
		(<-f.waiting)(begun)
	}
	_ = f.end() // begin tries again
}

// begin sees to it that what is read now is fresh, and if it is to be shared,
// that all see the same until the end.
func (f *readConn) begin(shared bool) error {
	err := f.end()
	if err == nil && shared {
		_, err = run(f.conn, "BEGIN")
	}
	return err
}

// end ends what begin has begun, if that was to be shared.
func (f *readConn) end() error {
	if f.conn.AutocommitEnabled() {
		return nil
	}
	_, err := run(f.conn, "COMMIT")
	return err
}
