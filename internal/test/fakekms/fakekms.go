// Package fakekms is a KMS for tests. It speaks the two calls of KMS's JSON
// protocol that Hookline makes, makes real key pairs and really wraps them, bound
// to the encryption context.
package fakekms

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
)

// Server is a KMS with one key.
type Server struct {
	// URL is its endpoint.
	URL string

	key  string
	wrap cipher.AEAD

	mu    sync.Mutex
	calls []string
	codes []string
	alter func(response map[string]any)
	// silent is how many of the next calls get no response.
	silent int
}

// Start starts a KMS with the key of that ARN until the test ends.
func Start(t *testing.T, keyARN string) *Server {
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
	s := &Server{key: keyARN, wrap: wrap}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	s.URL = server.URL
	return s
}

// Calls returns the targets of the calls so far.
func (s *Server) Calls() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.calls)
}

// Refuse has the next calls refused with these error codes, one a call.
func (s *Server) Refuse(codes ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.codes = codes
}

// Silence leaves the next call without a response.
func (s *Server) Silence() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.silent++
}

// Alter has each response changed before it is sent.
func (s *Server) Alter(change func(response map[string]any)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.alter = change
}

// called notes a call, and reports whether it gets no response.
func (s *Server) called(target string) (silent bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, target)
	if s.silent == 0 {
		return false
	}
	s.silent--
	return true
}

// request is what both calls send.
type request struct {
	KeyID             string            `json:"KeyId"`
	KeyPairSpec       string            `json:"KeyPairSpec"`
	EncryptionContext map[string]string `json:"EncryptionContext"`
	CiphertextBlob    []byte            `json:"CiphertextBlob"`
}

// ServeHTTP implements [http.Handler].
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	target := r.Header.Get("X-Amz-Target")
	if s.called(target) {
		_, _ = io.Copy(io.Discard, r.Body) // or it is not noticed that the client gives up
		<-r.Context().Done()
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.codes) > 0 {
		code := s.codes[0]
		s.codes = s.codes[1:]
		refuse(w, code)
		return
	}
	var in request
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		refuse(w, "SerializationException")
		return
	}
	if in.KeyID != s.key {
		refuse(w, "NotFoundException")
		return
	}
	response, code := s.response(target, in)
	if code != "" {
		refuse(w, code)
		return
	}
	if s.alter != nil {
		s.alter(response)
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	_ = json.NewEncoder(w).Encode(response)
}

func (s *Server) response(target string, in request) (response map[string]any, code string) {
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
			"PrivateKeyCiphertextBlob": s.wrap.Seal(nil, nil, private, bound),
		}, ""
	case "TrentService.Decrypt":
		plain, err := s.wrap.Open(nil, nil, in.CiphertextBlob, bound)
		if err != nil {
			return nil, "InvalidCiphertextException"
		}
		return map[string]any{"KeyId": in.KeyID, "Plaintext": plain, "EncryptionAlgorithm": "SYMMETRIC_DEFAULT"}, ""
	default:
		return nil, "UnknownOperationException"
	}
}

// newPair makes a key pair as KMS does: SubjectPublicKeyInfo and PKCS #8, DER.
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
