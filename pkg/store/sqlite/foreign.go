package sqlite

import (
	"context"
	"fmt"
)

// ForeignWrites reports whether another process has written to the file since
// the last call. It also returns true the first time and after a failure. It
// costs a lock and no write (sqlite.org/pragma.html, data_version).
func (s *Store) ForeignWrites(ctx context.Context) (bool, error) {
	written := false
	err := s.writer.write(ctx, func(tx *session) error {
		version, err := one(tx.conn, "PRAGMA data_version", scanInt)
		if err != nil {
			return err
		}
		written = version != tx.version
		tx.version = version
		return nil
	})
	if err != nil {
		return false, fmt.Errorf("check for writes of other processes: %w", err)
	}
	return written, nil
}
