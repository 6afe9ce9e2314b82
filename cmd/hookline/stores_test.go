package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/rogpeppe/go-internal/testscript"
	zombiezen "zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"github.com/hookline/hookline/internal/test/dynamolocal"
	"github.com/hookline/hookline/pkg/store"
	"github.com/hookline/hookline/pkg/store/sqlite"
	"github.com/hookline/hookline/pkg/webhook"
)

// dataDir is where a test's data is.
type dataDir struct {
	data   string
	prefix string // of DynamoDB's tables; empty for SQLite
}

// onEachStore runs a test on SQLite and on DynamoDB Local.
func onEachStore(t *testing.T, f func(*testing.T, dataDir)) {
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		f(t, dataDir{data: t.TempDir()})
	})
	t.Run("dynamodb", func(t *testing.T) {
		t.Parallel()
		f(t, dataDir{data: t.TempDir(), prefix: onDynamoDB(t)})
	})
}

// flags name the place on a command line.
func (p dataDir) flags() []string {
	if p.prefix == "" {
		return []string{"--data", p.data}
	}
	return []string{"--data", p.data, "--store", "dynamodb:" + p.prefix}
}

// serveFlags name the data to a server. On DynamoDB it needs the events that
// AbbeyCross has, or --dev.
func (p dataDir) serveFlags() []string {
	if p.prefix == "" {
		return nil
	}
	return append([]string{"--dev"}, p.flags()[2:]...)
}

// cli runs a command on the place, as a process of its own.
func (p dataDir) cli(t testing.TB, args ...string) string {
	t.Helper()
	return cli(t, append(args, p.flags()...)...)
}

// fails runs a command on the place that must fail, and gives its one line.
func (p dataDir) fails(t testing.TB, args ...string) string {
	t.Helper()
	return fails(t, exitFailed, append(append([]string{"hookline"}, args...), p.flags()...)...)
}

// open opens the store, beside those who work on it.
func (p dataDir) open(t testing.TB) store.Store {
	t.Helper()
	program := testProgram(noSettings, io.Discard, io.Discard)
	program.flags = &globals{Data: p.data, Store: storeName{prefix: p.prefix}}
	s, err := program.openStore(t.Context(), mustExist)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// dump gives all that is stored as text, one line a record.
func (p dataDir) dump(t testing.TB) []string {
	t.Helper()
	if p.prefix == "" {
		return dumpSQLite(t, filepath.Join(p.data, databaseName))
	}
	return dumpDynamoDB(t, p.prefix)
}

func dumpSQLite(t testing.TB, path string) (lines []string) {
	t.Helper()
	conn, err := zombiezen.OpenConn(path, zombiezen.OpenReadWrite)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for _, name := range dumpQuery(t, conn, "SELECT name FROM sqlite_schema WHERE type = 'table'") {
		lines = append(lines, dumpQuery(t, conn, `SELECT * FROM "`+name+`"`)...)
	}
	return lines
}

// dumpQuery gives each row as text.
func dumpQuery(t testing.TB, conn *zombiezen.Conn, query string) (lines []string) {
	t.Helper()
	err := sqlitex.ExecuteTransient(conn, query, &sqlitex.ExecOptions{ResultFunc: func(stmt *zombiezen.Stmt) error {
		var texts []string
		for column := range stmt.ColumnCount() {
			texts = append(texts, stmt.ColumnText(column))
		}
		lines = append(lines, strings.Join(texts, "|"))
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	return lines
}

func dumpDynamoDB(t testing.TB, prefix string) (lines []string) {
	t.Helper()
	client := dynamolocal.Client(t, dynamolocal.Start(t).URL)
	tables, err := client.ListTables(t.Context(), &dynamodb.ListTablesInput{ExclusiveStartTableName: &prefix})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range tables.TableNames {
		if !strings.HasPrefix(name, prefix) {
			continue
		}
		for pages := dynamodb.NewScanPaginator(client, &dynamodb.ScanInput{TableName: &name}); pages.HasMorePages(); {
			page, err := pages.NextPage(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, item := range page.Items {
				line, err := json.Marshal(item)
				if err != nil {
					t.Fatal(err)
				}
				lines = append(lines, string(line))
			}
		}
	}
	return lines
}

// registered adds a webhook for events to the data directory of a script:
// registered squake:acme <id> order customer.
func registered(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: registered <account> <id> <event>...")
	}
	account, err := webhook.ParseAccount(args[0])
	ts.Check(err)
	ts.Check(addWebhook(ts.MkAbs("data"), account, args[1], args[2:]))
}

// addWebhook keeps a webhook as a registration does, without a server. What
// stands for its keys must never be seen.
func addWebhook(data string, a webhook.Account, id string, events []string) (err error) {
	s, err := sqlite.Open(filepath.Join(data, databaseName), sqlite.Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	var c webhook.Creation
	for i, event := range events {
		c.Webhooks = append(c.Webhooks, webhook.Webhook{
			Account: a, Event: event, ID: id, RequestID: "claim of " + id, URL: "https://receiver.example/" + events[0], Position: i, Version: 1,
			SealedKey: []byte("SEALED"), CreatedAt: time.Date(2026, 1, 2, 3, 4, 5, 6e6, time.UTC),
		})
	}
	_, err = s.Create(context.Background(), c)
	return err
}
