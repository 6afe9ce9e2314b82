package kms

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awskms "github.com/aws/aws-sdk-go-v2/service/kms"
)

const kmsARN = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"

// fakeKMS speaks the two calls of KMS's JSON protocol that are made here. It
// makes real key pairs and really wraps them, bound to the encryption context.
type fakeKMS struct {
	wrap cipher.AEAD

	mu     sync.Mutex
	calls  []string
	errors []string // error codes to answer first, one a call
	// before, unless nil, is called before a request is looked at.
	before func()
	// alter changes what is answered.
	alter func(response map[string]any)
}

// request is what both calls send.
type request struct {
	KeyID             string            `json:"KeyId"`
	KeyPairSpec       string            `json:"KeyPairSpec"`
	EncryptionContext map[string]string `json:"EncryptionContext"`
	CiphertextBlob    []byte            `json:"CiphertextBlob"`
}

func startKMS(t *testing.T) (*fakeKMS, *awskms.Client) {
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
	fake := &fakeKMS{wrap: wrap}
	server := httptest.NewServer(fake)
	t.Cleanup(server.Close)
	client := NewClient(ClientConfig{
		Region: "eu-central-1",
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "AKID", SecretAccessKey: "SECRET"}, nil
		}),
		Endpoint: server.URL,
	})
	return fake, client
}

func (f *fakeKMS) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if f.before != nil {
		f.before()
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	target := r.Header.Get("X-Amz-Target")
	f.calls = append(f.calls, target)
	if len(f.errors) > 0 {
		code := f.errors[0]
		f.errors = f.errors[1:]
		refuse(w, code)
		return
	}
	var in request
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		refuse(w, "SerializationException")
		return
	}
	if in.KeyID != kmsARN {
		refuse(w, "NotFoundException")
		return
	}
	response, code := f.response(target, in)
	if code != "" {
		refuse(w, code)
		return
	}
	if f.alter != nil {
		f.alter(response)
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	_ = json.NewEncoder(w).Encode(response)
}

func (f *fakeKMS) response(target string, in request) (response map[string]any, code string) {
	bound, err := json.Marshal(in.EncryptionContext) // sorts the names
	if err != nil {
		return nil, "SerializationException"
	}
	switch target {
	case "TrentService.GenerateDataKeyPairWithoutPlaintext":
		if in.KeyPairSpec != "ECC_NIST_P256" {
			return nil, "ValidationException"
		}
		public, private, err := newPair()
		if err != nil {
			return nil, "KMSInternalException"
		}
		return map[string]any{
			"KeyId": in.KeyID, "KeyPairSpec": in.KeyPairSpec, "PublicKey": public,
			"PrivateKeyCiphertextBlob": f.wrap.Seal(nil, nil, private, bound),
		}, ""
	case "TrentService.Decrypt":
		plain, err := f.wrap.Open(nil, nil, in.CiphertextBlob, bound)
		if err != nil {
			return nil, "InvalidCiphertextException"
		}
		return map[string]any{"KeyId": in.KeyID, "Plaintext": plain, "EncryptionAlgorithm": "SYMMETRIC_DEFAULT"}, ""
	default:
		return nil, "UnknownOperationException"
	}
}

// newPair gives a key pair as KMS does: SubjectPublicKeyInfo and PKCS #8, DER.
func newPair() (public, private []byte, err error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	if public, err = x509.MarshalPKIXPublicKey(&key.PublicKey); err != nil {
		return nil, nil, err
	}
	private, err = x509.MarshalPKCS8PrivateKey(key)
	return public, private, err
}

func refuse(w http.ResponseWriter, code string) {
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	w.Header().Set("X-Amzn-Errortype", code)
	w.WriteHeader(http.StatusBadRequest)
	_ = json.NewEncoder(w).Encode(map[string]string{"__type": code, "message": "refused"})
}
