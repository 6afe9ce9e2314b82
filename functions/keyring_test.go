package functions_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/hookline/hookline/internal/test/dynamolocal"
	"github.com/hookline/hookline/internal/test/emulator"
	"github.com/hookline/hookline/internal/test/fakekms"
	"github.com/hookline/hookline/pkg/seal"
	"github.com/hookline/hookline/pkg/seal/kms"
	"github.com/hookline/hookline/pkg/seal/open"
	"github.com/hookline/hookline/pkg/webhook"
)

const kmsKeyARN = "arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"

// cfnResponse is what a custom resource tells CloudFormation.
type cfnResponse struct {
	Status     string
	PhysicalID string `json:"PhysicalResourceId"`
	RequestID  string `json:"RequestId"`
	Data       struct {
		KeyID     string `json:"KeyId"`
		PublicKey string
	}
}

// TestKeyring sends the samples of events/keyring to the function, each
// sequence in a stack of its own. Whatever key is answered is in the table, and
// opens what is sealed to it, by way of KMS. Of its rights the function takes
// all and no other.
func TestKeyring(t *testing.T) {
	var made []call
	for _, tt := range []struct {
		name    string
		samples []string
		// status is the last answer's; those before succeed.
		status string
		keys   int
	}{
		{"created once", []string{"create"}, "SUCCESS", 1},
		{"created twice", []string{"create", "create"}, "SUCCESS", 1},
		{"updated", []string{"create", "update"}, "SUCCESS", 1},
		{"a new version", []string{"create", "new-version", "update"}, "SUCCESS", 2},
		{"deleted", []string{"create", "delete"}, "SUCCESS", 1},
		{"moved to a table without keys", []string{"move-to-empty-table"}, "FAILED", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			k := startKeyring(t, newStack(t), fakekms.Start(t, kmsKeyARN).URL)
			shown := map[string]string{}
			for i, sample := range tt.samples {
				want := "SUCCESS"
				if i == len(tt.samples)-1 {
					want = tt.status
				}
				if response := k.send(t, sample, want); response.Data.KeyID != "" {
					k.checkKey(t, response)
					shown[response.Data.KeyID] = response.Data.PublicKey
				}
			}
			if len(shown) != tt.keys {
				t.Errorf("%d keys are shown, want %d", len(shown), tt.keys)
			}
			made = append(made, k.watch.made()...)
		})
	}
	checkRights(t, "Keyring", made, true)
}

// keyring is the function, with KMS and CloudFormation beside it.
type keyring struct {
	function *emulator.Function
	watch    *watch
	stack    *stack
	kms      string
	// cloudFormation is the URL for answers, which answers then gives.
	cloudFormation string
	responses      <-chan cfnResponse
}

func startKeyring(t *testing.T, s *stack, kms string) *keyring {
	t.Helper()
	responses := make(chan cfnResponse, 1)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var a cfnResponse
		if err := json.NewDecoder(r.Body).Decode(&a); err != nil || r.Method != http.MethodPut {
			t.Errorf("%s to CloudFormation: %v", r.Method, err)
		}
		responses <- a
	}))
	t.Cleanup(server.Close)
	env := s.environment(t, "Keyring")
	env["AWS_ENDPOINT_URL_KMS"], env["HOOKLINE_SEALING_KEY_ARN"] = kms, kmsKeyARN
	w := newWatch(t, s)
	w.intercept(t, env)
	return &keyring{emulator.Start(t, emulator.Program(t, "Keyring"), env), w, s, kms, server.URL, responses}
}

// send sends a sample and returns what CloudFormation is told, which must have
// the status wanted. A success has a key unless the resource is deleted.
func (k *keyring) send(t *testing.T, sample, want string) cfnResponse {
	t.Helper()
	event := bytes.ReplaceAll(readSample(t, "keyring/"+sample), []byte("http://127.0.0.1:1/RESPONSE_URL_PLACEHOLDER"), []byte(k.cloudFormation))
	payload, err := k.function.Invoke(t.Context(), event)
	if err != nil || bytes.Contains(payload, []byte("errorMessage")) {
		t.Fatalf("%s: %s, %v", sample, payload, err)
	}
	var sent struct {
		RequestID   string `json:"RequestId"`
		RequestType string
	}
	if err := json.Unmarshal(event, &sent); err != nil {
		t.Fatal(err)
	}
	response := <-k.responses // there by now: the function has answered
	if response.Status != want || response.RequestID != sent.RequestID || response.PhysicalID == "" {
		t.Errorf("%s: answered %+v, want status %s", sample, response, want)
	}
	if hasKey := response.Data.KeyID != ""; hasKey != (response.Status == "SUCCESS" && sent.RequestType != "Delete") {
		t.Errorf("%s: answered %+v to %s", sample, response, sent.RequestType)
	}
	return response
}

// checkKey seals to the public key that was answered and opens with what
// stands in the table.
func (k *keyring) checkKey(t *testing.T, response cfnResponse) {
	t.Helper()
	public, err := base64.StdEncoding.DecodeString(response.Data.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	sealer, err := seal.NewSealer(response.Data.KeyID, public, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	owner := seal.WebhookKey(webhook.Account{API: "squake", ID: "acme"}, "1")
	sealed, err := sealer.Seal(owner, webhook.NewSecret("a signing key"))
	if err != nil {
		t.Fatal(err)
	}
	client := kms.NewClient(kms.ClientConfig{Region: dynamolocal.Region, Credentials: dynamolocal.Credentials(), Endpoint: k.kms})
	opener := open.New(kms.NewUnwrapper(client, kmsKeyARN, k.stack.store))
	if opened, err := opener.Open(t.Context(), owner, sealed); err != nil || opened.Reveal() != "a signing key" {
		t.Errorf("key %s opens to %q, %v", response.Data.KeyID, opened.Reveal(), err)
	}
}
