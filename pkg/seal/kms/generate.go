// Package kms makes sealing key pairs with AWS KMS, and fetches their
// private keys back. It guarantees that a private key is never in the clear
// where the pair is made: KMS hands it out wrapped, bound to its key id, and
// only an Unwrapper, whose role may decrypt, sees it.
package kms

import (
	"context"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awskms "github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"

	"github.com/hookline/hookline/pkg/webhook"
)

// contextName is the one name of the KMS encryption context; its value is the
// sealing key's id. It shows in CloudTrail and can stand in policies, as
// kms:EncryptionContext:hookline:key.
const contextName = "hookline:key"

func encryptionContext(keyID string) map[string]string {
	return map[string]string{contextName: keyID}
}

// GenerateAPI is the part of *awskms.Client that makes key pairs.
type GenerateAPI interface {
	GenerateDataKeyPairWithoutPlaintext(context.Context, *awskms.GenerateDataKeyPairWithoutPlaintextInput, ...func(*awskms.Options)) (*awskms.GenerateDataKeyPairWithoutPlaintextOutput, error)
}

// Generator makes sealing key pairs wrapped by one KMS key. It has no way to
// unwrap them.
type Generator struct {
	client GenerateAPI
	kmsKey string
	now    func() time.Time
}

// NewGenerator makes a generator; kmsKey is the ARN of a symmetric KMS key.
func NewGenerator(client GenerateAPI, kmsKey string, now func() time.Time) *Generator {
	return &Generator{client: client, kmsKey: kmsKey, now: now}
}

// Generate makes a P-256 key pair called keyID. It differs at every call, so
// the caller keeps the first. An error is KMS's, or says that the public key
// is none.
func (g *Generator) Generate(ctx context.Context, keyID string) (webhook.SealingKey, error) {
	out, err := g.client.GenerateDataKeyPairWithoutPlaintext(ctx, &awskms.GenerateDataKeyPairWithoutPlaintextInput{
		KeyId:             aws.String(g.kmsKey),
		KeyPairSpec:       types.DataKeyPairSpecEccNistP256,
		EncryptionContext: encryptionContext(keyID),
	})
	if err != nil {
		return webhook.SealingKey{}, fmt.Errorf("generate sealing key %q: %w", keyID, err)
	}
	public, err := parsePublic(out.PublicKey)
	if err != nil {
		return webhook.SealingKey{}, fmt.Errorf("generate sealing key %q: %w", keyID, err)
	}
	if len(out.PrivateKeyCiphertextBlob) == 0 {
		return webhook.SealingKey{}, fmt.Errorf("generate sealing key %q: KMS answered no private key", keyID)
	}
	return webhook.SealingKey{
		ID:             keyID,
		Public:         public.Bytes(),
		WrappedPrivate: out.PrivateKeyCiphertextBlob,
		CreatedAt:      g.now().UTC(),
	}, nil
}

// parsePublic reads a DER SubjectPublicKeyInfo (RFC 5480) with a P-256 key.
func parsePublic(der []byte) (*ecdh.PublicKey, error) {
	parsed, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		return nil, fmt.Errorf("public key: %w", err)
	}
	signing, ok := parsed.(*ecdsa.PublicKey)
	if !ok {
		return nil, errors.New("public key: not on an elliptic curve")
	}
	public, err := signing.ECDH()
	if err != nil {
		return nil, fmt.Errorf("public key: %w", err)
	}
	if public.Curve() != ecdh.P256() {
		return nil, errors.New("public key: not on P-256")
	}
	return public, nil
}
