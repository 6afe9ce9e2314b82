package sqlite

import (
	"fmt"
	"math"
	"strings"
	"time"

	"zombiezen.com/go/sqlite"

	"github.com/hookline/hookline/pkg/webhook"
)

// run executes a statement that returns no rows. It returns how many rows that
// statement wrote, or else the latest before it. A connection prepares each
// statement once.
func run(conn *sqlite.Conn, text string, args ...any) (rows int, err error) {
	err = query(conn, text, func(*row) error { return nil }, args...)
	return conn.Changes(), err
}

// one reads a single row, or returns [webhook.ErrNotFound].
func one[T any](conn *sqlite.Conn, text string, scan func(*row) (T, error), args ...any) (value T, err error) {
	found := false
	err = query(conn, text, func(r *row) error {
		found = true
		value, err = scan(r)
		return err
	}, args...)
	if err == nil && !found {
		err = webhook.ErrNotFound
	}
	return value, err
}

// all reads all rows.
func all[T any](conn *sqlite.Conn, text string, scan func(*row) (T, error), args ...any) (list []T, err error) {
	err = query(conn, text, func(r *row) error {
		value, err := scan(r)
		list = append(list, value)
		return err
	}, args...)
	if err != nil {
		return nil, err
	}
	return list, nil
}

// query executes a statement and calls yield with its rows until yield fails.
func query(conn *sqlite.Conn, text string, yield func(*row) error, args ...any) (err error) {
	stmt, err := conn.Prepare(text)
	if err != nil {
		return err
	}
	defer func() {
		if resetErr := stmt.Reset(); err == nil {
			err = resetErr
		}
	}()
	for i, arg := range args {
		if err := bind(stmt, i+1, arg); err != nil {
			return err
		}
	}
	for {
		more, err := stmt.Step()
		if err != nil || !more {
			return err
		}
		if err := yield(&row{stmt: stmt}); err != nil {
			return err
		}
	}
}

// script executes statements that return no rows, each once.
func script(conn *sqlite.Conn, statements string) error {
	for statements = strings.TrimSpace(statements); statements != ""; {
		stmt, rest, err := conn.PrepareTransient(statements)
		if err != nil {
			return err
		}
		statements = strings.TrimSpace(statements[len(statements)-rest:])
		_, err = stmt.Step()
		if endErr := stmt.Finalize(); err == nil {
			err = endErr
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// bind sets a parameter of a statement, counted from 1. Nil bytes and the zero
// time become NULL; other times are stored as fromMilli reads them.
func bind(stmt *sqlite.Stmt, n int, arg any) error {
	switch v := arg.(type) {
	case nil:
		stmt.BindNull(n)
	case string:
		stmt.BindText(n, v)
	case int64:
		stmt.BindInt64(n, v)
	case int:
		stmt.BindInt64(n, int64(v))
	case bool:
		stmt.BindBool(n, v)
	case []byte:
		if v == nil {
			stmt.BindNull(n)
			break
		}
		stmt.BindBytes(n, v)
	case time.Time:
		if v.IsZero() {
			stmt.BindNull(n)
			break
		}
		stmt.BindInt64(n, v.UnixMilli())
	default:
		return fmt.Errorf("parameter %d: nothing keeps a %T", n, arg)
	}
	return nil
}

// row is the current row of a statement. Each of its methods reads the next
// column; NULL reads as zero.
type row struct {
	stmt    *sqlite.Stmt
	columns int // read so far
}

func (r *row) next() int {
	r.columns++
	return r.columns - 1
}

func (r *row) text() string { return r.stmt.ColumnText(r.next()) }
func (r *row) int() int64   { return r.stmt.ColumnInt64(r.next()) }
func (r *row) byte() uint8  { return uint8(r.int() & math.MaxUint8) }
func (r *row) bool() bool   { return r.stmt.ColumnBool(r.next()) }

// scanText and scanInt read rows of one column.
func scanText(r *row) (string, error) { return r.text(), nil }
func scanInt(r *row) (int64, error)   { return r.int(), nil }

// bytes reads a copy, nil for NULL.
func (r *row) bytes() []byte {
	column := r.next()
	if r.stmt.ColumnIsNull(column) {
		return nil
	}
	b := make([]byte, r.stmt.ColumnLen(column))
	r.stmt.ColumnBytes(column, b)
	return b
}

// duration reads whole milliseconds.
func (r *row) duration() time.Duration { return time.Duration(r.int()) * time.Millisecond }

// time reads a time that bind stored.
func (r *row) time() time.Time {
	column := r.next()
	if r.stmt.ColumnIsNull(column) {
		return time.Time{}
	}
	return fromMilli(r.stmt.ColumnInt64(column))
}
