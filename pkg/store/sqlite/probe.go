package sqlite

import (
	"context"
	"fmt"
	"time"

	"zombiezen.com/go/sqlite"
)

// Probe makes a write of its own, which is on disk when Probe returns nil.
func (s *Store) Probe(ctx context.Context) error {
	err := s.writer.write(ctx, func(tx *session) error {
		_, err := tx.run("UPDATE whole SET probes = probes + 1")
		return err
	})
	if err != nil {
		return fmt.Errorf("probe the store: %w", unknownOutcome(err))
	}
	return nil
}

// Overdue reports whether a delivery has been due since before the given time.
func (s *Store) Overdue(ctx context.Context, before time.Time) (bool, error) {
	found, err := read(ctx, s.reader, func(conn *sqlite.Conn) (bool, error) {
		return one(conn, "SELECT EXISTS (SELECT 1 FROM delivery WHERE due < ?)", scanBool, before)
	})
	if err != nil {
		return false, fmt.Errorf("look for overdue deliveries: %w", err)
	}
	return found, nil
}
