package kms

import (
	"bytes"
	"context"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awskms "github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"

	"github.com/hookline/hookline/internal/test/fakekms"
	"github.com/hookline/hookline/pkg/seal"
	"github.com/hookline/hookline/pkg/seal/open"
	"github.com/hookline/hookline/pkg/webhook"
)

var (
	_     open.PrivateKeys = (*Unwrapper)(nil)
	at                     = time.Date(2026, 3, 4, 5, 6, 7, 0, time.FixedZone("CET", 3600))
	clock                  = func() time.Time { return at }
)

const kmsARN = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"

func startKMS(t *testing.T) (*fakekms.Server, *awskms.Client) {
	t.Helper()
	fake := fakekms.Start(t, kmsARN)
	return fake, NewClient(ClientConfig{
		Region: "eu-central-1", Endpoint: fake.URL,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "AKID", SecretAccessKey: "SECRET"}, nil
		}),
	})
}

// ring is a keyring in memory.
type ring struct {
	keys []webhook.SealingKey
	fail error
}

func (r ring) SealingKeys(context.Context) ([]webhook.SealingKey, error) { return r.keys, r.fail }

func generate(t *testing.T, g *Generator, id string) webhook.SealingKey {
	t.Helper()
	key, err := g.Generate(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestGenerateSealUnwrapOpen(t *testing.T) {
	fake, client := startKMS(t)
	generator := NewGenerator(client, kmsARN, clock)
	v1, v2 := generate(t, generator, "v1"), generate(t, generator, "v2")
	if v1.ID != "v1" || len(v1.Public) != 65 || !v1.CreatedAt.Equal(at) || v1.CreatedAt.Location() != time.UTC {
		t.Errorf("Generate = id %q, %d bytes, %v", v1.ID, len(v1.Public), v1.CreatedAt)
	}
	if bytes.Equal(v1.Public, v2.Public) {
		t.Error("two key pairs are one")
	}
	opener := open.New(NewUnwrapper(client, kmsARN, ring{keys: []webhook.SealingKey{v1, v2}}))
	owner := seal.WebhookKey(webhook.Account{API: "squake", ID: "acme"}, "1")
	for range 2 {
		for _, key := range []webhook.SealingKey{v1, v2} {
			sealer, err := seal.NewSealer(key.ID, key.Public, time.Now)
			if err != nil {
				t.Fatal(err)
			}
			sealed, err := sealer.Seal(owner, webhook.NewSecret("key of "+key.ID))
			if err != nil {
				t.Fatal(err)
			}
			got, err := opener.Open(t.Context(), owner, sealed)
			if err != nil || got.Reveal() != "key of "+key.ID {
				t.Errorf("Open = %q, %v, want key of %s", got.Reveal(), err, key.ID)
			}
		}
	}
	want := []string{
		"TrentService.GenerateDataKeyPairWithoutPlaintext", "TrentService.GenerateDataKeyPairWithoutPlaintext",
		"TrentService.Decrypt", "TrentService.Decrypt",
	}
	if calls := fake.Calls(); !slices.Equal(calls, want) {
		t.Errorf("KMS was called %q, want %q", calls, want)
	}
}

// A wrapped key that stands under another id does not unwrap: KMS binds it.
func TestWrappedKeyIsBoundToItsID(t *testing.T) {
	_, client := startKMS(t)
	key := generate(t, NewGenerator(client, kmsARN, clock), "v1")
	key.ID = "v2"
	_, err := NewUnwrapper(client, kmsARN, ring{keys: []webhook.SealingKey{key}}).Private(t.Context(), "v2")
	if _, ok := errors.AsType[*types.InvalidCiphertextException](err); !ok {
		t.Errorf("Private = %v, want InvalidCiphertextException", err)
	}
}

func TestPrivateOfUnknownKeys(t *testing.T) {
	fake, client := startKMS(t)
	local := webhook.SealingKey{ID: "local-1", Public: make([]byte, 65)}
	u := NewUnwrapper(client, kmsARN, ring{keys: []webhook.SealingKey{local}})
	for _, id := range []string{"v1", "", "local-1"} {
		if _, err := u.Private(t.Context(), id); !errors.Is(err, webhook.ErrNotFound) {
			t.Errorf("Private(%q) = %v, want ErrNotFound", id, err)
		}
	}
	if calls := fake.Calls(); len(calls) != 0 {
		t.Errorf("KMS was called %q", calls)
	}
	u = NewUnwrapper(client, kmsARN, ring{fail: webhook.ErrUnavailable})
	if _, err := u.Private(t.Context(), "v1"); !errors.Is(err, webhook.ErrUnavailable) {
		t.Errorf("Private = %v, want ErrUnavailable", err)
	}
}

// A connection on which nothing comes, such as one that died while the
// function was frozen, is given up in time for another try.
func TestSilentConnection(t *testing.T) {
	t.Parallel()
	fake, client := startKMS(t)
	key := generate(t, NewGenerator(client, kmsARN, clock), "v1")
	fake.Silence()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if _, err := NewUnwrapper(client, kmsARN, ring{keys: []webhook.SealingKey{key}}).Private(ctx, "v1"); err != nil {
		t.Error(err)
	}
	if calls := fake.Calls(); len(calls) < 3 {
		t.Errorf("calls %v, want one that generates and two at least that unwrap", calls)
	}
}

func TestKMSErrors(t *testing.T) {
	fake, client := startKMS(t)
	fake.Refuse("AccessDeniedException")
	_, err := NewGenerator(client, kmsARN, clock).Generate(t.Context(), "v1")
	if err == nil || !strings.Contains(err.Error(), `"v1"`) || !strings.Contains(err.Error(), "AccessDeniedException") {
		t.Errorf("Generate = %v, want AccessDeniedException and the key's id", err)
	}
	if _, err := NewGenerator(client, "another key", clock).Generate(t.Context(), "v1"); err == nil {
		t.Error("Generate under another KMS key succeeded")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := NewGenerator(client, kmsARN, clock).Generate(ctx, "v1"); !errors.Is(err, context.Canceled) {
		t.Errorf("Generate = %v, want Canceled", err)
	}
}

func TestStrangePublicKeys(t *testing.T) {
	fake, client := startKMS(t)
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	edwards, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, alter := range map[string]func(map[string]any){
		"nonsense":       func(a map[string]any) { a["PublicKey"] = []byte("nonsense") },
		"none":           func(a map[string]any) { delete(a, "PublicKey") },
		"P-384":          func(a map[string]any) { a["PublicKey"] = spki(t, &p384.PublicKey) },
		"Ed25519":        func(a map[string]any) { a["PublicKey"] = spki(t, edwards) },
		"no private key": func(a map[string]any) { delete(a, "PrivateKeyCiphertextBlob") },
	} {
		fake.Alter(alter)
		if key, err := NewGenerator(client, kmsARN, clock).Generate(t.Context(), "v1"); err == nil {
			t.Errorf("%s: Generate took %x", name, key.Public)
		}
	}
}

func spki(t *testing.T, public any) []byte {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func TestStrangePrivateKeys(t *testing.T) {
	fake, client := startKMS(t)
	key := generate(t, NewGenerator(client, kmsARN, clock), "v1")
	pair, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	other, err := x509.MarshalPKCS8PrivateKey(pair)
	if err != nil {
		t.Fatal(err)
	}
	x25519, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	edwards, err := x509.MarshalPKCS8PrivateKey(x25519)
	if err != nil {
		t.Fatal(err)
	}
	for name, plain := range map[string][]byte{"another pair's": other, "X25519": edwards, "nonsense": []byte("secret nonsense"), "none": {}} {
		fake.Alter(func(a map[string]any) { a["Plaintext"] = plain })
		_, err := NewUnwrapper(client, kmsARN, ring{keys: []webhook.SealingKey{key}}).Private(t.Context(), "v1")
		if err == nil || errors.Is(err, webhook.ErrNotFound) || len(plain) > 0 && strings.Contains(err.Error(), string(plain)) {
			t.Errorf("%s: Private = %v, want an error that does not quote it", name, err)
		}
	}
}
