// Package open opens what package seal sealed. It guarantees that a key opens
// only for the owner and under the key id it was sealed for, and that nothing
// altered by as much as a bit opens at all. Only what delivers may import it.
package open

import (
	"context"
	"crypto/cipher"
	"crypto/hpke"
	"errors"
	"fmt"
	"sync"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/hookline/hookline/pkg/seal"
	"github.com/hookline/hookline/pkg/seal/internal/envelope"
	"github.com/hookline/hookline/pkg/webhook"
)

// ErrRefused says that bytes are no sealed key, or not that owner's, or were
// changed. Trying again does not help.
var ErrRefused = errors.New("sealed signing key does not open")

// PrivateKeys finds private keys by id.
type PrivateKeys interface {
	// Private gives the private key of that id, on P-256.
	// webhook.ErrNotFound: there is none.
	Private(ctx context.Context, keyID string) (hpke.PrivateKey, error)
}

// maxDataKeys is how many opened data keys are kept, the last used ones. Each
// is under 1 KB and saves some 0.1 ms.
const maxDataKeys = 1024

// Opener opens sealed signing keys. It asks for each private key once, keeps
// it, and keeps the data keys it used last. It is safe for concurrent use.
type Opener struct {
	keys PrivateKeys
	// fetching holds a token while a private key is asked for, so that one
	// call serves all who wait for it.
	fetching chan struct{}
	mu       sync.RWMutex
	private  map[string]hpke.PrivateKey
	boxes    *lru.Cache[sealedDataKey, cipher.AEAD]
}

// sealedDataKey is a data key as it stands in a record.
type sealedDataKey struct {
	keyID  string
	sealed [envelope.SealedDataKeySize]byte
}

// New makes an opener over keys.
func New(keys PrivateKeys) *Opener {
	boxes, err := lru.New[sealedDataKey, cipher.AEAD](maxDataKeys)
	if err != nil {
		panic(err) // only a size below 1 is refused
	}
	return &Opener{
		keys:     keys,
		fetching: make(chan struct{}, 1),
		private:  make(map[string]hpke.PrivateKey),
		boxes:    boxes,
	}
}

// Open gives the signing key that was sealed for o.
//
//   - ErrRefused: the bytes are malformed or changed, or were sealed for
//     another owner or public key.
//   - What PrivateKeys says: the private key cannot be had; ctx ends the wait.
func (op *Opener) Open(ctx context.Context, o seal.Owner, sealed []byte) (webhook.Secret, error) {
	env, err := envelope.Parse(sealed)
	if err != nil {
		return webhook.Secret{}, fmt.Errorf("open key of %s: %w: %w", o, ErrRefused, err)
	}
	box, err := op.box(ctx, sealedDataKey{env.KeyID, env.SealedDataKey})
	if err != nil {
		return webhook.Secret{}, fmt.Errorf("open key of %s under %q: %w", o, env.KeyID, err)
	}
	bound := envelope.AppendAdditionalData(nil, env.KeyID, o.Account, string(o.Scope), o.ID)
	plain, err := box.Open(nil, nil, env.Box, bound)
	if err != nil {
		return webhook.Secret{}, fmt.Errorf("open key of %s under %q: %w", o, env.KeyID, ErrRefused)
	}
	defer clear(plain)
	return webhook.NewSecret(string(plain)), nil
}

// box opens a data key, or finds it among those opened before.
func (op *Opener) box(ctx context.Context, k sealedDataKey) (cipher.AEAD, error) {
	if box, ok := op.boxes.Get(k); ok {
		return box, nil
	}
	private, err := op.privateKey(ctx, k.keyID)
	if err != nil {
		return nil, err
	}
	raw, err := openDataKey(private, []byte(envelope.Info), []byte(k.keyID), k.sealed[:])
	if err != nil {
		return nil, fmt.Errorf("%w: data key: %w", ErrRefused, err)
	}
	defer clear(raw)
	box, err := envelope.NewBox(raw)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRefused, err)
	}
	op.boxes.Add(k, box)
	return box, nil
}

// openDataKey is HPKE's single-shot opening in base mode (RFC 9180, 6.1).
func openDataKey(private hpke.PrivateKey, info, aad, sealed []byte) ([]byte, error) {
	encapsulated, ciphertext := envelope.SplitDataKey(sealed)
	recipient, err := hpke.NewRecipient(encapsulated, private, envelope.KDF(), envelope.AEAD(), info)
	if err != nil {
		return nil, err
	}
	return recipient.Open(aad, ciphertext)
}

// privateKey gives the private key of that id. A failure is not kept: who
// waited for it asks again.
func (op *Opener) privateKey(ctx context.Context, keyID string) (hpke.PrivateKey, error) {
	if key, ok := op.known(keyID); ok {
		return key, nil
	}
	select {
	case op.fetching <- struct{}{}:
		defer func() { <-op.fetching }()
	case <-ctx.Done():
		return nil, fmt.Errorf("wait for private key: %w", ctx.Err())
	}
	if key, ok := op.known(keyID); ok {
		return key, nil
	}
	key, err := op.keys.Private(ctx, keyID)
	if err != nil {
		return nil, fmt.Errorf("private key: %w", err)
	}
	if got, want := key.KEM().ID(), envelope.KEM().ID(); got != want {
		return nil, fmt.Errorf("private key: HPKE KEM %#04x, want %#04x", got, want)
	}
	op.mu.Lock()
	defer op.mu.Unlock()
	op.private[keyID] = key
	return key, nil
}

func (op *Opener) known(keyID string) (hpke.PrivateKey, bool) {
	op.mu.RLock()
	defer op.mu.RUnlock()
	key, ok := op.private[keyID]
	return key, ok
}
