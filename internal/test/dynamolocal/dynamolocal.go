// Package dynamolocal runs DynamoDB Local, AWS's own emulator, for tests.
//
// A test binary has at most one, in memory, started when the first test asks
// for it, unless [Variable] tells of one that several binaries share. It ends
// with the process that started it, however that ends. Tests keep apart by
// tables of their own. Nothing is skipped: when the emulator is not installed,
// the test fails and says how to install it.
package dynamolocal

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/hookline/hookline/pkg/store/dynamo"
	"github.com/hookline/hookline/pkg/webhook"
)

// Region is the region that Server's clients sign for. DynamoDB Local keeps
// the tables of each region and access key apart.
const Region = "eu-central-1"

// AccessKeyID is the access key id of Server's clients; the secret is any.
const AccessKeyID = "local"

// Server is a running DynamoDB Local.
type Server struct {
	// URL is its endpoint, such as http://127.0.0.1:41001.
	URL string

	port    io.Closer // of the port; held while the server lives
	process *process
}

// Variable is the environment variable that holds the URL of a DynamoDB Local
// which runs already.
const Variable = "HOOKLINE_TEST_DYNAMODB"

// shared finds or starts the emulator once for the test binary, since it costs
// seconds.
var shared = sync.OnceValues(func() (*Server, error) {
	if url := os.Getenv(Variable); url != "" {
		return &Server{URL: url}, nil
	}
	return Launch()
})

// Start returns the test binary's DynamoDB Local, ready for requests.
func Start(t testing.TB) *Server {
	t.Helper()
	s, err := shared()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Credentials are those of Server's clients.
func Credentials() dynamo.StaticCredentials {
	return dynamo.StaticCredentials{AccessKeyID: AccessKeyID, SecretAccessKey: webhook.NewSecret("local")}
}

// Client gives a client of the emulator at endpoint: the URL of a Server, or
// of a proxy before it.
func Client(t testing.TB, endpoint string) *dynamodb.Client {
	t.Helper()
	client, err := dynamo.NewClient(dynamo.ClientConfig{
		Region: Region, Credentials: Credentials(), Endpoint: endpoint,
	})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// expiryAttribute is what package dynamo sets a delivery's end in.
const expiryAttribute = "z"

// Tables are the names of package dynamo's tables.
type Tables struct{ Webhooks, Deliveries string }

// NewTables makes empty tables of package dynamo's layout, with names that no
// others have. Nothing expires in them: the emulator removes what has within
// seconds, and tests keep things of fixed times.
func (s *Server) NewTables(t testing.TB) Tables {
	t.Helper()
	id := rand.Text()
	tables := Tables{Webhooks: "webhooks-" + id, Deliveries: "deliveries-" + id}
	s.create(t, tables)
	_, err := Client(t, s.URL).UpdateTimeToLive(t.Context(), &dynamodb.UpdateTimeToLiveInput{
		TableName: aws.String(tables.Deliveries),
		TimeToLiveSpecification: &types.TimeToLiveSpecification{
			AttributeName: aws.String(expiryAttribute), Enabled: aws.Bool(false),
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return tables
}

// NewTable makes an empty table of webhooks and returns its name, which no
// other table has.
func (s *Server) NewTable(t testing.TB) string {
	t.Helper()
	name := "webhooks-" + rand.Text()
	s.create(t, Tables{Webhooks: name})
	return name
}

func (s *Server) create(t testing.TB, tables Tables) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	if err := dynamo.CreateTable(ctx, Config(t, s.URL, tables)); err != nil {
		t.Fatal(err)
	}
}

// Config gives the configuration of such a store.
func Config(t testing.TB, endpoint string, tables Tables) dynamo.Config {
	t.Helper()
	return dynamo.Config{
		Client: Client(t, endpoint), Table: tables.Webhooks, Deliveries: tables.Deliveries,
		TryTimeout: timeout, CallTimeout: timeout,
	}
}

// Store gives a store on tables at endpoint (Client), with timeouts that a busy
// machine keeps.
func Store(t testing.TB, endpoint string, tables Tables) *dynamo.Store {
	t.Helper()
	s, err := dynamo.New(Config(t, endpoint, tables))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// timeout is how long the emulator may take to start or to make a table on a
// busy machine.
const timeout = 5 * time.Minute

// libraries finds what `make tools` installed, in the module that the test
// belongs to.
func libraries() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("find DynamoDB Local: %w", err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("find DynamoDB Local: no go.mod above the working directory")
		}
		dir = parent
	}
	lib := filepath.Join(dir, ".tools", "dynamodb-local", "lib")
	jars, err := filepath.Glob(filepath.Join(lib, "DynamoDBLocal-*.jar"))
	if err != nil || len(jars) == 0 {
		return "", fmt.Errorf("DynamoDB Local is not installed in .tools: run `make tools` (%w)", fs.ErrNotExist)
	}
	return lib, nil
}
