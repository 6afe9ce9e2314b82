package dynamostore_test

import (
	"testing"
	"time"

	"github.com/hookline/hookline/internal/test/long"
	"github.com/hookline/hookline/pkg/store"
	"github.com/hookline/hookline/pkg/store/dynamostore"
	"github.com/hookline/hookline/pkg/store/dynamostore/dynamolocal"
	"github.com/hookline/hookline/pkg/store/storetest"
)

// patience is the time-out of a try where a lost answer is not what is tested:
// the emulator may be slow on a busy machine.
const patience = 30 * time.Second

// open gives a store on the tables at endpoint, to which nothing has expired.
func open(t testing.TB, endpoint string, tables dynamolocal.Tables, tryTimeout time.Duration) *dynamostore.Store {
	t.Helper()
	s, err := dynamostore.New(dynamostore.Config{
		Client: dynamolocal.Client(t, endpoint), Table: tables.Webhooks, Deliveries: tables.Deliveries,
		Now:        func() time.Time { return time.Unix(0, 0) },
		TryTimeout: tryTimeout, CallTimeout: 2 * time.Minute,
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestConformance(t *testing.T) {
	server := dynamolocal.Start(t)
	storetest.Run(t, func(t *testing.T) store.Store {
		return open(t, server.URL, server.NewTables(t), patience)
	}, storetest.Options{Rounds: long.Pick(10, 200)})
}
