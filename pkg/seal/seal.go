// Package seal encrypts signing keys at rest. It guarantees that a sealed key
// shows nothing of the signing key but its length, and opens only for the
// owner, and under the key id, for which it was sealed.
//
// The package has no way to open: that is package open, which a function
// that only registers does not link. A Sealer holds a public key and, for at
// most Lifetime or MaxUses, one data key. Said exactly: whoever reads the
// memory of a process that seals can open what that process sealed under its
// present data key, and nothing else.
//
// Randomness comes from the system (crypto/rand) and cannot be injected: the
// HPKE implementation does not allow it, and AES-GCM breaks if a nonce ever
// comes twice. Tests that need a fixed source have testing/cryptotest.
package seal

import (
	"crypto/cipher"
	"crypto/hpke"
	"crypto/rand"
	"fmt"
	"sync"
	"time"

	"github.com/hookline/hookline/pkg/seal/internal/envelope"
	"github.com/hookline/hookline/pkg/webhook"
)

// Limits of a data key, whichever is reached first. MaxUses keeps the chance
// that a random nonce comes twice under 2^-65 (NIST SP 800-38D, 8.3, asks for
// 2^-32).
const (
	Lifetime = 5 * time.Minute
	MaxUses  = 1 << 16
)

// Sealer encrypts signing keys to one public key. It is safe for concurrent
// use.
type Sealer struct {
	keyID  string
	public hpke.PublicKey
	now    func() time.Time

	mu      sync.Mutex
	current *dataKey    // nil after Lifetime without use
	idle    *time.Timer // forgets current
}

// dataKey encrypts signing keys, and stands sealed before each of them.
type dataKey struct {
	box    cipher.AEAD
	header []byte
	made   time.Time // wall clock
	uses   int
}

// NewSealer makes a sealer for the public key of that id, an uncompressed
// P-256 point of 65 bytes (SEC 1, 2.3.3). An id that is empty or over 64 bytes,
// or a point that is none of the curve, wraps webhook.ErrInvalid.
func NewSealer(keyID string, public []byte, now func() time.Time) (*Sealer, error) {
	if err := envelope.CheckKeyID(keyID); err != nil {
		return nil, fmt.Errorf("sealing key: %w", err)
	}
	key, err := envelope.KEM().NewPublicKey(public)
	if err != nil {
		return nil, fmt.Errorf("sealing key %q: %w: public key: %w", keyID, webhook.ErrInvalid, err)
	}
	return &Sealer{keyID: keyID, public: key, now: now}, nil
}

// Prepare makes the first data key, so that the first Seal is as fast as the
// others. It may run beside Seal, which tries again what Prepare cannot do.
func (s *Sealer) Prepare() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current == nil {
		_ = s.renew(s.now().Round(0))
	}
}

// Seal encrypts key for o. The result is the id of the public key, the sealed
// data key, nonce and ciphertext: 143 bytes more than key id and key. An owner
// with an empty part or an empty key wraps webhook.ErrInvalid.
func (s *Sealer) Seal(o Owner, key webhook.Secret) ([]byte, error) {
	if err := o.check(); err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	plain := []byte(key.Reveal())
	defer clear(plain)
	if len(plain) == 0 {
		return nil, fmt.Errorf("seal for %s: %w: the signing key is empty", o, webhook.ErrInvalid)
	}
	k, err := s.use()
	if err != nil {
		return nil, fmt.Errorf("seal for %s: %w", o, err)
	}
	// One buffer holds both the result and, behind it, what is authenticated.
	size := len(k.header) + len(plain) + k.box.Overhead()
	buf := make([]byte, size, size+len(s.keyID)+len(o.Account.API)+len(o.Account.ID)+len(o.Scope)+len(o.ID)+16)
	bound := envelope.AppendAdditionalData(buf, s.keyID, o.Account, string(o.Scope), o.ID)[size:]
	out := append(buf[:0:size], k.header...)
	return k.box.Seal(out, nil, plain, bound), nil
}

// use gives the data key for one signing key, a new one if the present one has
// reached a limit. Other callers wait while it is made, some 0.1 ms.
func (s *Sealer) use() (*dataKey, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	// The monotonic clock stands still while a function is frozen: age is
	// counted by wall clock, and a clock that was set back ends the key.
	now := s.now().Round(0)
	if !s.current.usable(now) {
		if err := s.renew(now); err != nil {
			return nil, err
		}
	}
	s.current.uses++
	return s.current, nil
}

func (k *dataKey) usable(now time.Time) bool {
	if k == nil || k.uses >= MaxUses {
		return false
	}
	age := now.Sub(k.made)
	return age >= 0 && age < Lifetime
}

// renew makes a new data key. The old one is gone once the calls that still
// use it have ended.
func (s *Sealer) renew(now time.Time) error {
	s.current = nil
	k, err := newDataKey(s.keyID, s.public)
	if err != nil {
		return fmt.Errorf("make data key under %q: %w", s.keyID, err)
	}
	k.made, s.current = now, k
	if s.idle != nil {
		s.idle.Stop()
	}
	s.idle = time.AfterFunc(Lifetime, func() { s.forget(k) })
	return nil
}

// forget drops k, unless another has taken its place.
func (s *Sealer) forget(k *dataKey) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current == k {
		s.current = nil
	}
}

func newDataKey(keyID string, public hpke.PublicKey) (*dataKey, error) {
	raw := make([]byte, envelope.DataKeySize)
	defer clear(raw)
	rand.Read(raw)
	encapsulated, sender, err := hpke.NewSender(public, envelope.KDF(), envelope.AEAD(), []byte(envelope.Info))
	if err != nil {
		return nil, err
	}
	ciphertext, err := sender.Seal([]byte(keyID), raw)
	if err != nil {
		return nil, err
	}
	header, err := envelope.Header(keyID, append(encapsulated, ciphertext...))
	if err != nil {
		return nil, err
	}
	box, err := envelope.NewBox(raw)
	if err != nil {
		return nil, err
	}
	return &dataKey{box: box, header: header}, nil
}
