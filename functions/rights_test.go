package functions_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/hookline/hookline/functions/internal/emulator"
	"github.com/hookline/hookline/pkg/store/dynamostore/dynamolocal"
)

// right is what IAM judges of a call of DynamoDB: an action, the output of the
// data's stack that names the table, and the partition's key; in policies, the
// key's pattern, "*" at its end.
type right struct{ action, table, key string }

// watch is a DynamoDB endpoint that notes which rights each call takes, since
// the emulator asks for none.
type watch struct {
	url    string
	tables dynamolocal.Tables

	mu   sync.Mutex
	used map[right]bool
}

func startWatch(t *testing.T, s *stack) *watch {
	t.Helper()
	target, err := url.Parse(s.endpoint)
	if err != nil {
		t.Fatal(err)
	}
	w := &watch{tables: s.tables, used: map[right]bool{}}
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }}
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Errorf("read a call of DynamoDB: %v", err)
		}
		w.note(t, r.Header.Get("X-Amz-Target"), body)
		r.Body = io.NopCloser(bytes.NewReader(body))
		proxy.ServeHTTP(rw, r)
	}))
	t.Cleanup(server.Close)
	w.url = server.URL
	return w
}

// attribute is a text in DynamoDB's JSON.
type attribute struct{ S string }

// operation is one call, or one part of a transaction.
type operation struct {
	TableName                 string
	Key, Item                 map[string]attribute
	ExpressionAttributeValues map[string]attribute
	IndexName                 string
	TransactItems             []map[string]operation
	RequestItems              map[string]struct{ Keys []map[string]attribute }
}

// parts are the actions that IAM asks for when a transaction has them.
var parts = map[string]string{"Put": "PutItem", "Update": "UpdateItem", "Delete": "DeleteItem", "ConditionCheck": "ConditionCheckItem"}

func (w *watch) note(t *testing.T, target string, body []byte) {
	t.Helper()
	var call operation
	if err := json.Unmarshal(body, &call); err != nil {
		t.Errorf("%s: %v", target, err)
	}
	_, action, _ := strings.Cut(target, ".")
	w.mu.Lock()
	defer w.mu.Unlock()
	switch action {
	case "TransactWriteItems":
	case "BatchGetItem":
		for table, asked := range call.RequestItems {
			for _, key := range asked.Keys {
				w.used[w.right(action, operation{TableName: table, Key: key})] = true
			}
		}
	default:
		w.used[w.right(action, call)] = true
	}
	for _, item := range call.TransactItems {
		for part, write := range item {
			w.used[w.right(parts[part], write)] = true
		}
	}
}

func (w *watch) right(action string, call operation) right {
	used := right{action: "dynamodb:" + action}
	switch call.TableName {
	case w.tables.Webhooks:
		used.table = "WebhooksTable"
	case w.tables.Deliveries:
		used.table = "DeliveriesTable"
	}
	for _, attributes := range []map[string]attribute{call.Key, call.Item} {
		used.key += attributes["pk"].S
	}
	if call.IndexName != "" {
		used.table = map[string]string{"due": "DueIndex"}[call.IndexName]
	} else if action == "Query" {
		used.key = call.ExpressionAttributeValues[":pk"].S
	}
	return used
}

// check holds a function to its role in template.yaml: it took no right that
// the role does not give, and, when all its cases were sent, left none unused.
func (w *watch) check(t *testing.T, resource string, all bool) {
	t.Helper()
	granted := grants(t, resource)
	needed := map[right]bool{}
	w.mu.Lock()
	defer w.mu.Unlock()
	for used := range w.used {
		by := slices.IndexFunc(granted, func(g right) bool {
			return g.action == used.action && g.table == used.table && strings.HasPrefix(used.key, strings.TrimSuffix(g.key, "*"))
		})
		if by < 0 {
			t.Errorf("%s takes a right that its role has not: %v", resource, used)
			continue
		}
		needed[granted[by]] = true
	}
	for _, g := range granted {
		if all && !needed[g] {
			t.Errorf("%s never takes a right that its role has: %v", resource, g)
		}
	}
}

// many is a text or a list of them.
type many []string

// UnmarshalYAML reads either.
func (m *many) UnmarshalYAML(text []byte) error {
	var one string
	if err := yaml.Unmarshal(text, &one); err == nil {
		*m = many{one}
		return nil
	}
	return yaml.Unmarshal(text, (*[]string)(m))
}

// roles are those of template.yaml, by name, as far as grants reads them.
type roles struct {
	Resources map[string]struct {
		Properties struct {
			Policies []struct {
				PolicyDocument struct {
					Statement []struct {
						Action    many                         `yaml:"Action"`
						Resource  string                       `yaml:"Resource"`
						Condition map[string]map[string]string `yaml:"Condition"`
					} `yaml:"Statement"`
				} `yaml:"PolicyDocument"`
			} `yaml:"Policies"`
		} `yaml:"Properties"`
	} `yaml:"Resources"`
}

// grants reads what the role of a function may do with DynamoDB.
func grants(t *testing.T, resource string) []right {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(emulator.Root(t), "template.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var template roles
	if err := yaml.Unmarshal(text, &template); err != nil {
		t.Fatalf("template.yaml: %v", err)
	}
	var granted []right
	for _, policy := range template.Resources[resource+"Role"].Properties.Policies {
		for _, statement := range policy.PolicyDocument.Statement {
			table, found := strings.CutPrefix(statement.Resource, "Data.Outputs.")
			if !found {
				continue // the log group, the queue
			}
			keys := statement.Condition["ForAllValues:StringLike"]["dynamodb:LeadingKeys"] +
				statement.Condition["ForAllValues:StringEquals"]["dynamodb:LeadingKeys"]
			for _, action := range statement.Action {
				if strings.HasPrefix(action, "dynamodb:") { // the emulators see no other calls
					granted = append(granted, right{action, strings.TrimSuffix(table, "Arn"), keys})
				}
			}
		}
	}
	if len(granted) == 0 {
		t.Fatalf("template.yaml gives %s no rights", resource)
	}
	return granted
}
