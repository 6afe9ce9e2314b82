package dynamostore_test

import (
	"testing"
	"time"

	"github.com/hookline/hookline/pkg/store"
	"github.com/hookline/hookline/pkg/store/dynamostore"
	"github.com/hookline/hookline/pkg/store/dynamostore/dynamolocal"
	"github.com/hookline/hookline/pkg/store/storetest"
)

// patience is the time-out of a try where a lost answer is not what is tested:
// the emulator may be slow on a busy machine.
const patience = 30 * time.Second

// open gives a store on a table at endpoint.
func open(t testing.TB, endpoint, table string, tryTimeout time.Duration) *dynamostore.Store {
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

func TestConformance(t *testing.T) {
	server := dynamolocal.Start(t)
	storetest.Run(t, func(t *testing.T) store.Store {
		return open(t, server.URL, server.NewTable(t), patience)
	}, storetest.Options{Rounds: 200})
}
