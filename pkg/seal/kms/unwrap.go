package kms

import (
	"bytes"
	"context"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/hpke"
	"crypto/x509"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	awskms "github.com/aws/aws-sdk-go-v2/service/kms"

	"github.com/hookline/hookline/pkg/webhook"
)

// DecryptAPI is the part of *awskms.Client that unwraps private keys.
type DecryptAPI interface {
	Decrypt(context.Context, *awskms.DecryptInput, ...func(*awskms.Options)) (*awskms.DecryptOutput, error)
}

// Keyring lists the sealing keys that are stored, as store.Store does.
type Keyring interface {
	SealingKeys(ctx context.Context) ([]webhook.SealingKey, error)
}

// Unwrapper fetches private keys: it is what package open asks. It keeps
// nothing; an Opener asks once a key id.
type Unwrapper struct {
	client DecryptAPI
	kmsKey string
	ring   Keyring
}

// NewUnwrapper makes an unwrapper; kmsKey is the ARN of the KMS key that
// wrapped the private keys of ring.
func NewUnwrapper(client DecryptAPI, kmsKey string, ring Keyring) *Unwrapper {
	return &Unwrapper{client: client, kmsKey: kmsKey, ring: ring}
}

// Private gives the private key of that id.
//
//   - webhook.ErrNotFound: the ring has no such key, or not its private half.
//   - Errors of KMS and of the ring, wrapped.
//   - Any other: what KMS unwrapped is not the private half of the stored
//     public key. The error quotes none of it.
func (u *Unwrapper) Private(ctx context.Context, keyID string) (hpke.PrivateKey, error) {
	stored, err := u.find(ctx, keyID)
	if err != nil {
		return nil, fmt.Errorf("unwrap sealing key %q: %w", keyID, err)
	}
	out, err := u.client.Decrypt(ctx, &awskms.DecryptInput{
		CiphertextBlob:    stored.WrappedPrivate,
		KeyId:             aws.String(u.kmsKey),
		EncryptionContext: encryptionContext(keyID),
	})
	if err != nil {
		return nil, fmt.Errorf("unwrap sealing key %q: %w", keyID, err)
	}
	defer clear(out.Plaintext)
	private, err := parsePrivate(out.Plaintext)
	if err != nil {
		return nil, fmt.Errorf("unwrap sealing key %q: %w", keyID, err)
	}
	if !bytes.Equal(private.PublicKey().Bytes(), stored.Public) {
		return nil, fmt.Errorf("unwrap sealing key %q: the private key belongs to another public key", keyID)
	}
	return hpke.NewDHKEMPrivateKey(private)
}

func (u *Unwrapper) find(ctx context.Context, keyID string) (webhook.SealingKey, error) {
	keys, err := u.ring.SealingKeys(ctx)
	if err != nil {
		return webhook.SealingKey{}, err
	}
	for _, k := range keys {
		if k.ID == keyID && len(k.WrappedPrivate) > 0 {
			return k, nil
		}
	}
	return webhook.SealingKey{}, webhook.ErrNotFound
}

// parsePrivate reads a DER PKCS #8 P-256 key, which is how KMS gives the
// private key of a data key pair.
func parsePrivate(der []byte) (*ecdh.PrivateKey, error) {
	parsed, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, errors.New("private key: not PKCS #8")
	}
	signing, ok := parsed.(*ecdsa.PrivateKey)
	if !ok {
		return nil, errors.New("private key: not on an elliptic curve")
	}
	private, err := signing.ECDH()
	if err != nil || private.Curve() != ecdh.P256() {
		return nil, errors.New("private key: not on P-256")
	}
	return private, nil
}
