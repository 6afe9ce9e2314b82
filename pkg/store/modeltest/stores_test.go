package modeltest

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/hookline/hookline/pkg/store/dynamostore"
	"github.com/hookline/hookline/pkg/store/dynamostore/dynamolocal"
	"github.com/hookline/hookline/pkg/store/sqlitestore"
)

func openSQLite(t *testing.T) *sqlitestore.Store {
	t.Helper()
	s, err := sqlitestore.Open(filepath.Join(t.TempDir(), "hookline.db"), sqlitestore.Options{})
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

// openDynamo gives a store on a table at endpoint. A try that takes longer
// than tryTimeout counts as lost.
func openDynamo(t *testing.T, endpoint, table string, tryTimeout time.Duration) *dynamostore.Store {
	t.Helper()
	s, err := dynamostore.New(dynamostore.Config{
		Client: dynamolocal.Client(t, endpoint), Table: table,
		TryTimeout: tryTimeout, CallTimeout: 2 * time.Minute,
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSequencesOnSQLite(t *testing.T) { testSequences(t, openSQLite(t), enough()) }

func TestSequencesOnDynamoDB(t *testing.T) {
	server := dynamolocal.Start(t)
	testSequences(t, openDynamo(t, server.URL, server.NewTable(t), 30*time.Second), enough())
}
