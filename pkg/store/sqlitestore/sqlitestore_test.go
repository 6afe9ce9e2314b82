package sqlitestore_test

import (
	"path/filepath"
	"testing"

	"github.com/hookline/hookline/internal/test/long"
	"github.com/hookline/hookline/pkg/store"
	"github.com/hookline/hookline/pkg/store/sqlitestore"
	"github.com/hookline/hookline/pkg/store/storetest"
)

// open opens the database at path until the test ends.
func open(t testing.TB, path string) *sqlitestore.Store {
	t.Helper()
	s, err := sqlitestore.Open(path, sqlitestore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// newPath names a database that does not exist yet.
func newPath(t testing.TB) string { return filepath.Join(t.TempDir(), "hookline.db") }

func TestConformance(t *testing.T) {
	storetest.Run(t, func(t *testing.T) store.Store { return open(t, newPath(t)) }, storetest.Options{Rounds: long.Pick(10, 50), OnePart: true})
}
