package functions_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/hookline/hookline/functions/internal/emulator"
	"github.com/hookline/hookline/pkg/seal"
	"github.com/hookline/hookline/pkg/seal/kmskeys"
	"github.com/hookline/hookline/pkg/seal/unseal"
	"github.com/hookline/hookline/pkg/store/dynamostore/dynamolocal"
	"github.com/hookline/hookline/pkg/webhook"
)

const kmsKeyARN = "arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"

// cfnAnswer is what a custom resource tells CloudFormation.
type cfnAnswer struct {
	Status     string
	PhysicalID string `json:"PhysicalResourceId"`
	RequestID  string `json:"RequestId"`
	Data       struct {
		KeyID     string `json:"KeyId"`
		PublicKey string
	}
}

// TestKeyringEvents sends every event of events/keyring to the function, each
// case to a stack of its own. Whatever key is answered is in the table, and
// opens what is sealed to it, by way of KMS. Of its rights the function took all
// and no other.
func TestKeyringEvents(t *testing.T) {
	var made []call
	for _, name := range cases(t, "keyring") {
		t.Run(name, func(t *testing.T) {
			s := newStack(t)
			kms := startKMS(t)
			env := s.environment(t, "Keyring")
			env["AWS_ENDPOINT_URL_KMS"] = kms
			env["HOOKLINE_SEALING_KEY_ARN"] = kmsKeyARN
			answers := make(chan cfnAnswer, 1)
			cloudFormation := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				var a cfnAnswer
				if err := json.NewDecoder(r.Body).Decode(&a); err != nil || r.Method != http.MethodPut {
					t.Errorf("%s to CloudFormation: %v", r.Method, err)
				}
				answers <- a
			}))
			defer cloudFormation.Close()
			w := startWatch(t, s, env)
			defer func() { made = append(made, w.made()...) }()
			k := keyringReplay{emulator.Start(t, emulator.Program(t, "Keyring"), env), cloudFormation.URL, answers}
			for _, before := range readWant(t, "keyring", name).After {
				s.checkKey(t, k.send(t, before), kms)
			}
			s.checkKey(t, k.send(t, name), kms)
		})
	}
	checkRights(t, "Keyring", made, true)
}

type keyringReplay struct {
	function       *emulator.Function
	cloudFormation string
	answers        <-chan cfnAnswer
}

func (k keyringReplay) send(t *testing.T, name string) cfnAnswer {
	t.Helper()
	event := bytes.ReplaceAll(readEvent(t, "keyring", name), []byte("http://127.0.0.1:1/RESPONSE_URL_PLACEHOLDER"), []byte(k.cloudFormation))
	payload, err := k.function.Invoke(t.Context(), event)
	if err != nil || bytes.Contains(payload, []byte("errorMessage")) {
		t.Fatalf("%s: %s, %v", name, payload, err)
	}
	var sent struct {
		RequestID   string `json:"RequestId"`
		RequestType string
	}
	if err := json.Unmarshal(event, &sent); err != nil {
		t.Fatal(err)
	}
	answer := <-k.answers // there by now: the function has answered
	if want := readWant(t, "keyring", name); answer.Status != want.Status || answer.RequestID != sent.RequestID || answer.PhysicalID == "" {
		t.Errorf("%s: answered %+v, want status %s", name, answer, want.Status)
	}
	if hasKey := answer.Data.KeyID != ""; hasKey != (answer.Status == "SUCCESS" && sent.RequestType != "Delete") {
		t.Errorf("%s: answered %+v to %s", name, answer, sent.RequestType)
	}
	return answer
}

// checkKey seals to the public key that was answered and opens with what
// stands in the table.
func (s *stack) checkKey(t *testing.T, answer cfnAnswer, kms string) {
	t.Helper()
	if answer.Data.KeyID == "" {
		return
	}
	public, err := base64.StdEncoding.DecodeString(answer.Data.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	sealer, err := seal.NewSealer(answer.Data.KeyID, public, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	owner := seal.WebhookKey(webhook.Account{Dialect: "squake", ID: "acme"}, "1")
	sealed, err := sealer.Seal(owner, webhook.NewSecret("a signing key"))
	if err != nil {
		t.Fatal(err)
	}
	client := kmskeys.NewClient(kmskeys.ClientConfig{Region: dynamolocal.Region, Credentials: dynamolocal.Credentials(), Endpoint: kms})
	opener := unseal.New(kmskeys.NewUnwrapper(client, kmsKeyARN, s.store))
	if opened, err := opener.Open(t.Context(), owner, sealed); err != nil || opened.Reveal() != "a signing key" {
		t.Errorf("key %s opens to %q, %v", answer.Data.KeyID, opened.Reveal(), err)
	}
}

// startKMS runs the two calls of KMS that are made, with real key pairs, really
// wrapped, and gives its URL.
func startKMS(t *testing.T) string {
	t.Helper()
	key := make([]byte, 32)
	rand.Read(key)
	block, err := aes.NewCipher(key)
	if err != nil {
		t.Fatal(err)
	}
	wrap, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer, err := kmsAnswer(wrap, r)
		if err != nil {
			t.Errorf("KMS: %v", err)
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		if err := json.NewEncoder(w).Encode(answer); err != nil {
			t.Errorf("KMS: %v", err)
		}
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func kmsAnswer(wrap cipher.AEAD, r *http.Request) (map[string]any, error) {
	var in struct {
		CiphertextBlob    []byte
		EncryptionContext map[string]string
	}
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		return nil, err
	}
	bound, err := json.Marshal(in.EncryptionContext) // sorts the names
	if err != nil {
		return nil, err
	}
	if strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".Decrypt") {
		plain, err := wrap.Open(nil, nil, in.CiphertextBlob, bound)
		return map[string]any{"KeyId": kmsKeyARN, "Plaintext": plain}, err
	}
	pair, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	public, err := x509.MarshalPKIXPublicKey(&pair.PublicKey)
	if err != nil {
		return nil, err
	}
	private, err := x509.MarshalPKCS8PrivateKey(pair)
	return map[string]any{
		"KeyId": kmsKeyARN, "KeyPairSpec": "ECC_NIST_P256", "PublicKey": public,
		"PrivateKeyCiphertextBlob": wrap.Seal(nil, nil, private, bound),
	}, err
}
