package functions_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/hookline/hookline/internal/test/dynamolocal"
)

// call is what a function asks of AWS, as IAM checks it: an action, a resource
// by its name in template.yaml, and what conditions ask about, by their keys.
type call struct {
	action, resource string
	context          map[string][]string
}

// watch stands between a function and AWS, and notes which rights its calls
// take, since nothing behind it asks for any.
type watch struct {
	url    string
	tables dynamolocal.Tables

	mu      sync.Mutex
	actions map[string]*url.URL // by the service's name in X-Amz-Target
	calls   map[string]call
	asked   int // of DynamoDB, in all
}

// The services that functions call, as X-Amz-Target names them, and the
// variable that says where each is.
var services = map[string]string{
	"DynamoDB_20120810": "AWS_ENDPOINT_URL_DYNAMODB",
	"AmazonSQS":         "AWS_ENDPOINT_URL_SQS",
	"TrentService":      "AWS_ENDPOINT_URL_KMS",
	"AWSEvents":         "AWS_ENDPOINT_URL_EVENTBRIDGE",
}

func newWatch(t *testing.T, s *stack) *watch {
	t.Helper()
	w := &watch{tables: s.tables, actions: map[string]*url.URL{}, calls: map[string]call{}}
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { w.serve(t, rw, r) }))
	t.Cleanup(server.Close)
	w.url = server.URL
	return w
}

// intercept changes a function's environment so that the watch sees its calls
// of each service that is named there.
func (w *watch) intercept(t *testing.T, env map[string]string) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	for service, variable := range services {
		if env[variable] == "" {
			continue
		}
		target, err := url.Parse(env[variable])
		if err != nil {
			t.Fatal(err)
		}
		w.actions[service] = target
		env[variable] = w.url
	}
}

func (w *watch) serve(t *testing.T, rw http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Errorf("read a call of AWS: %v", err)
	}
	service, action, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	w.mu.Lock()
	target := w.actions[service]
	w.mu.Unlock()
	if target == nil {
		t.Errorf("a call of a service that is not watched: %s %s", r.Method, r.Header.Get("X-Amz-Target"))
		rw.WriteHeader(http.StatusNotFound)
		return
	}
	made, err := w.read(service, action, body)
	if err != nil {
		t.Errorf("%s.%s: %v", service, action, err)
	}
	w.mu.Lock()
	for _, c := range made {
		w.calls[fmt.Sprint(c)] = c
	}
	if strings.HasPrefix(service, "DynamoDB") {
		w.asked++
	}
	w.mu.Unlock()
	r.Body = io.NopCloser(bytes.NewReader(body))
	proxy := &httputil.ReverseProxy{Rewrite: func(p *httputil.ProxyRequest) { p.SetURL(target) }}
	proxy.ServeHTTP(rw, r)
}

// requests are how many were sent to DynamoDB so far.
func (w *watch) requests() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.asked
}

// made are the different calls that were made.
func (w *watch) made() []call {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Collect(maps.Values(w.calls))
}

// read says what IAM checks of one request.
func (w *watch) read(service, action string, body []byte) ([]call, error) {
	switch service {
	case "AmazonSQS":
		return readSQS(action, body)
	case "TrentService":
		return readKMS(action, body)
	case "AWSEvents":
		return readEventBridge(action, body)
	}
	return w.readDynamoDB(action, body)
}

// readSQS reads a call of the queue. A batch takes the right to send one.
func readSQS(action string, body []byte) ([]call, error) {
	var in struct {
		QueueURL string `json:"QueueUrl"`
	}
	if err := json.Unmarshal(body, &in); err != nil {
		return nil, err
	}
	c := call{action: "sqs:" + strings.TrimSuffix(action, "Batch")}
	c.resource = map[string]string{queueURL: "Attempts.Arn", slowQueueURL: "SlowAttempts.Arn"}[in.QueueURL]
	return []call{c}, nil
}

// readEventBridge reads a call that puts events on buses.
func readEventBridge(action string, body []byte) ([]call, error) {
	var in putEvents
	if err := json.Unmarshal(body, &in); err != nil {
		return nil, err
	}
	var made []call
	for _, e := range in.Entries {
		made = append(made, call{action: "events:" + action, resource: eventBusARN + strings.Replace(e.EventBusName, noticeBus, "${NoticeBus}", 1)})
	}
	return made, nil
}

func readKMS(action string, body []byte) ([]call, error) {
	var in struct {
		KeyID             string `json:"KeyId"`
		KeyPairSpec       string
		EncryptionContext map[string]string
	}
	if err := json.Unmarshal(body, &in); err != nil {
		return nil, err
	}
	c := call{action: "kms:" + action, context: map[string][]string{}}
	if in.KeyID == kmsKeyARN {
		c.resource = "Data.Outputs.SealingKmsKeyArn"
	}
	for name, value := range in.EncryptionContext {
		c.context["kms:EncryptionContextKeys"] = append(c.context["kms:EncryptionContextKeys"], name)
		c.context["kms:EncryptionContext:"+name] = []string{value}
	}
	if in.KeyPairSpec != "" {
		c.context["kms:DataKeyPairSpec"] = []string{in.KeyPairSpec}
	}
	return []call{c}, nil
}

// attribute is a text in DynamoDB's JSON.
type attribute struct{ S string }

// operation is one call of DynamoDB, or one part of a transaction.
type operation struct {
	TableName                 string
	Key, Item                 map[string]attribute
	ExpressionAttributeValues map[string]attribute
	IndexName                 string
	TransactItems             []map[string]operation
	RequestItems              map[string]struct{ Keys []map[string]attribute }
}

// parts are the actions that IAM asks for when a transaction has them. For the
// transaction itself it asks for none.
var parts = map[string]string{"Put": "PutItem", "Update": "UpdateItem", "Delete": "DeleteItem", "ConditionCheck": "ConditionCheckItem"}

func (w *watch) readDynamoDB(action string, body []byte) ([]call, error) {
	var in operation
	if err := json.Unmarshal(body, &in); err != nil {
		return nil, err
	}
	var made []call
	switch action {
	case "TransactWriteItems":
		for _, item := range in.TransactItems {
			for part, write := range item {
				made = append(made, w.onTable(parts[part], write.TableName, write.Key["pk"].S+write.Item["pk"].S))
			}
		}
	case "BatchGetItem": // checked once a table, with all of its keys
		for table, asked := range in.RequestItems {
			keys := map[string]bool{}
			for _, key := range asked.Keys {
				keys[key["pk"].S] = true
			}
			made = append(made, w.onTable(action, table, slices.Sorted(maps.Keys(keys))...))
		}
	case "Query":
		if in.IndexName != "" {
			index := map[string]string{"due": "Data.Outputs.DueIndexArn", "failing": "Data.Outputs.FailingIndexArn"}[in.IndexName]
			return []call{{action: "dynamodb:Query", resource: index}}, nil // its partitions are numbers
		}
		made = append(made, w.onTable(action, in.TableName, in.ExpressionAttributeValues[":pk"].S))
	default:
		made = append(made, w.onTable(action, in.TableName, in.Key["pk"].S+in.Item["pk"].S))
	}
	return made, nil
}

func (w *watch) onTable(action, table string, keys ...string) call {
	c := call{action: "dynamodb:" + action, context: map[string][]string{"dynamodb:LeadingKeys": keys}}
	switch table {
	case w.tables.Webhooks:
		c.resource = "Data.Outputs.WebhooksTableArn"
	case w.tables.Deliveries:
		c.resource = "Data.Outputs.DeliveriesTableArn"
	}
	return c
}
