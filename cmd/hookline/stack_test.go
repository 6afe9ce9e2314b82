package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/md5"
	"crypto/rand"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hookline/hookline/internal/test/dynamolocal"
	"github.com/hookline/hookline/pkg/queue/sqs"
	"github.com/hookline/hookline/pkg/seal"
	"github.com/hookline/hookline/pkg/store"
	"github.com/hookline/hookline/pkg/webhook"
)

const (
	stackQueue = "https://sqs." + dynamolocal.Region + ".amazonaws.com/123456789012/attempts"
	slowQueue  = "https://sqs." + dynamolocal.Region + ".amazonaws.com/123456789012/slow-attempts"
	stackKey   = "arn:aws:kms:" + dynamolocal.Region + ":123456789012:key/k"
	sealingID  = "k1"
)

// deployed stands in for a deployed stack: CloudFormation's DescribeStacks,
// SQS's SendMessageBatch and KMS's Decrypt, over tables of DynamoDB Local.
type deployed struct {
	t       *testing.T
	outputs map[string]string
	// parameters are the stack's, by the name of the stack.
	parameters map[string]map[string]string
	private    []byte // the sealing key, PKCS #8

	mu       sync.Mutex
	messages []webhook.Message
	groups   []string
	full     bool // SQS refuses
	unsealed int  // times that KMS was asked
}

// deploy makes the tables, the sealing key and a customer of Squake's.
func deploy(t *testing.T) (*deployed, *customerOf, *site) {
	t.Helper()
	prefix := onDynamoDB(t)
	s := dynamolocal.Store(t, dynamolocal.Start(t).URL, tablesOf(prefix))
	if err := s.CreateTable(t.Context()); err != nil {
		t.Fatal(err)
	}
	d := &deployed{t: t, outputs: map[string]string{
		outputTable: prefix + tableSuffix, outputDeliveries: prefix + deliveriesSuffix, outputQueue: stackQueue, outputSlowQueue: slowQueue,
		outputSealingKey: stackKey, outputRegion: dynamolocal.Region,
	}}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if d.private, err = x509.MarshalPKCS8PrivateKey(key); err != nil {
		t.Fatal(err)
	}
	point, err := key.PublicKey.ECDH()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.AddSealingKey(t.Context(), webhook.SealingKey{ID: sealingID, Public: point.Bytes(), WrappedPrivate: []byte("wrapped"), CreatedAt: time.Now()}); err != nil {
		t.Fatal(err)
	}
	d.stand(t)
	c := openSite(t)
	return d, registerSealed(t, s, point.Bytes(), c), c
}

// registerSealed registers a webhook as the stack's function does, its key
// sealed to a public key.
func registerSealed(t *testing.T, s store.Store, public []byte, c *site) *customerOf {
	t.Helper()
	customer := &customerOf{api: "squake", account: "squake:acme", event: "order", id: "w1", path: "/in", schemes: []string{"Squake-Signature"}}
	account := webhook.Account{API: "squake", ID: "acme"}
	if err := s.CreateAccount(t.Context(), webhook.AccountInfo{Account: account, CreatedAt: time.Now().Add(-time.Hour)}); err != nil {
		t.Fatal(err)
	}
	sealer, err := seal.NewSealer(sealingID, public, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := newKeys().Base64Key()
	if err != nil {
		t.Fatal(err)
	}
	customer.key = secret.Reveal()
	sealed, err := sealer.Seal(seal.WebhookKey(account, customer.id), secret)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Create(t.Context(), webhook.Creation{Webhooks: []webhook.Webhook{{
		Account: account, Event: customer.event, ID: customer.id, RequestID: "c", URL: c.url + customer.path, SealedKey: sealed, Version: 1, CreatedAt: time.Now(),
	}}}); err != nil {
		t.Fatal(err)
	}
	return customer
}

// stand starts the services and points AWS's tools to them.
func (d *deployed) stand(t *testing.T) {
	t.Helper()
	for service, handler := range map[string]http.HandlerFunc{"CLOUDFORMATION": d.describe, "SQS": d.send, "KMS": d.decrypt} {
		server := httptest.NewServer(handler)
		t.Cleanup(server.Close)
		t.Setenv("AWS_ENDPOINT_URL_"+service, server.URL)
	}
	t.Setenv("AWS_MAX_ATTEMPTS", "1")
}

func (d *deployed) describe(w http.ResponseWriter, r *http.Request) {
	name := r.FormValue("StackName")
	w.Header().Set("Content-Type", "text/xml")
	_, _ = fmt.Fprint(w, describeStacks(name, d.outputs, d.parameters[name]))
}

// send is SendMessageBatch of SQS's JSON protocol.
func (d *deployed) send(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	var in struct {
		QueueURL string `json:"QueueUrl"`
		Entries  []struct {
			ID             string `json:"Id"`
			MessageBody    string
			DelaySeconds   int
			MessageGroupID string `json:"MessageGroupId"`
		}
	}
	err := json.NewDecoder(r.Body).Decode(&in)
	if recipient := r.Header.Get("X-Amz-Target"); err != nil || recipient != "AmazonSQS.SendMessageBatch" || in.QueueURL != stackQueue && in.QueueURL != slowQueue ||
		!strings.Contains(r.Header.Get("Authorization"), "/"+dynamolocal.Region+"/sqs/aws4_request") {
		d.t.Errorf("SQS was asked %s for %+v, %v", recipient, in, err)
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	if d.full {
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = fmt.Fprint(w, `{"__type":"com.amazonaws.sqs#ServiceUnavailable","message":"no"}`)
		return
	}
	var sent []map[string]string
	for _, e := range in.Entries {
		m, err := sqs.Decode(e.MessageBody)
		m.Fast = in.QueueURL == stackQueue
		if err != nil || e.DelaySeconds != 0 {
			d.t.Errorf("entry %+v, %v", e, err)
		}
		d.messages, d.groups = append(d.messages, m), append(d.groups, e.MessageGroupID)
		sum := md5.Sum([]byte(e.MessageBody))
		sent = append(sent, map[string]string{"Id": e.ID, "MessageId": e.ID, "MD5OfMessageBody": hex.EncodeToString(sum[:])})
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"Successful": sent})
}

// decrypt is KMS's, for the one sealing key.
func (d *deployed) decrypt(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.unsealed++
	var in struct {
		KeyID             string `json:"KeyId"`
		EncryptionContext map[string]string
		CiphertextBlob    []byte
	}
	err := json.NewDecoder(r.Body).Decode(&in)
	if recipient := r.Header.Get("X-Amz-Target"); err != nil || recipient != "TrentService.Decrypt" || in.KeyID != stackKey ||
		string(in.CiphertextBlob) != "wrapped" || !reflect.DeepEqual(in.EncryptionContext, map[string]string{"hookline:key": sealingID}) {
		d.t.Errorf("KMS was asked %s for %+v, %v", recipient, in, err)
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	_ = json.NewEncoder(w).Encode(map[string]any{"KeyId": stackKey, "Plaintext": d.private, "EncryptionAlgorithm": "SYMMETRIC_DEFAULT"})
}

// took gives the messages that were sent since it was last called.
func (d *deployed) took() (messages []webhook.Message) {
	d.mu.Lock()
	defer d.mu.Unlock()
	messages, d.messages = d.messages, nil
	return messages
}

// refuse lets SQS refuse, or not.
func (d *deployed) refuse(full bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.full = full
}

// on runs a command on a stack and gives what it wrote.
func (d *deployed) on(t *testing.T, stack string, args ...string) (out, said string, err error) {
	t.Helper()
	var stdout, stderr strings.Builder
	p := testProgram(noSettings, &stdout, &stderr)
	err = p.run(t.Context(), append(append([]string{"hookline"}, args...), "--stack", stack))
	return strings.TrimSpace(stdout.String()), stderr.String(), err
}

// On a stack, events and retries go to its queues, and samples are signed with
// the key that its KMS key opens, where its parameters let them go.
func TestDeliveringOnAStack(t *testing.T) {
	d, customer, c := deploy(t)
	d.parameters = map[string]map[string]string{"open": {"AllowHttp": "true", "AllowPrivate": "true"}, "strict": {"AllowHttp": "false"}}
	out, said, err := d.on(t, "strict", customer.publish("--payload", "1")...)
	id, accepted := strings.CutPrefix(out, "accepted ")
	if err != nil || !accepted || said != "" {
		t.Fatalf("publish: %q, %q, %v", out, said, err)
	}
	d.asked(t, id, true)
	if out, _, err = d.on(t, "strict", "delivery", "retry", id, "--account", customer.account); err != nil || out != "attempt 1 of "+id+" is due now" {
		t.Errorf("delivery retry: %q, %v", out, err)
	}
	d.asked(t, id, false)
	if out, _, err = d.on(t, "strict", "delivery", "list", "--status", "pending"); err != nil || !strings.Contains(out, id) {
		t.Errorf("delivery list: %q, %v", out, err)
	}
	if d.unsealed != 0 {
		t.Error("a key was opened to publish")
	}

	// What is accepted is accepted, though the queue is not to be had.
	d.refuse(true)
	out, said, err = d.on(t, "strict", customer.publish()...)
	if err != nil || !strings.HasPrefix(out, "accepted ") || !strings.Contains(said, "the sweeper sends them") {
		t.Errorf("publish without a queue: %q, %q, %v", out, said, err)
	}
	d.refuse(false)

	if _, _, err = d.on(t, "strict", customer.test()...); err == nil || !strings.Contains(err.Error(), "https") {
		t.Errorf("webhook test where http is not allowed: %v", err)
	}
	out, said, err = d.on(t, "open", customer.test()...)
	if err != nil || said != "" || !strings.Contains(out, "responded with 200") {
		t.Fatalf("webhook test: %q, %q, %v", out, said, err)
	}
	customer.verified(t, c.next(t), "")
	c.nothingMore(t)
	if messages := d.took(); len(messages) != 0 {
		t.Errorf("a sample is in the queue: %+v", messages)
	}
}

// asked demands that a lane's queue was asked for the first attempt of a
// delivery, and for nothing else.
func (d *deployed) asked(t *testing.T, id string, fast bool) {
	t.Helper()
	messages := d.took()
	if len(messages) != 1 || messages[0].ID != id || messages[0].Attempt != 1 || messages[0].Fast != fast || messages[0].Account.String() != "squake:acme" ||
		messages[0].Event != "order" || time.Since(messages[0].At).Abs() > timeout {
		t.Errorf("the queue was asked for %+v, want the first attempt of %s", messages, id)
	}
	for _, group := range d.groups {
		if group != d.groups[0] || group == "" {
			t.Errorf("messages of one account are in the groups %q", d.groups)
		}
	}
}
