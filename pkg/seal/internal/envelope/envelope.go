// Package envelope is the format of a sealed signing key, and the choice of
// algorithms: what sealing and opening must agree on.
//
// A sealed signing key, format 1, is
//
//	1 byte    format, 1
//	1 byte    length of the key id, 1 to 64
//	n bytes   key id
//	113 bytes sealed data key: HPKE encapsulated key (65), then ciphertext
//	          and tag (48)
//	12 bytes  nonce
//	m bytes   ciphertext, as long as the signing key
//	16 bytes  tag
//
// The data key, 32 random bytes, is sealed with HPKE (RFC 9180) in base mode,
// DHKEM(P-256, HKDF-SHA256), HKDF-SHA256, AES-256-GCM, with Info as the info
// and the key id as the additional data, as the only message of its context.
// The signing key is sealed under the data key with AES-256-GCM (NIST SP
// 800-38D), a random 96-bit nonce, and AdditionalData.
//
// Whoever has the public key can seal: the format hides a signing key and
// binds it to its owner, and does not prove who sealed it. The package cannot
// open anything by itself.
package envelope

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/hpke"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/hookline/hookline/pkg/webhook"
)

// Info is the HPKE info of every sealed data key.
const Info = "hookline seal 1 data key"

// Sizes of the parts, in bytes.
const (
	DataKeySize       = 32
	SealedDataKeySize = encapsulatedSize + DataKeySize + tagSize
	MaxKeyIDSize      = 64

	encapsulatedSize = 65
	nonceSize        = 12
	tagSize          = 16
	format           = 1
)

// ErrMalformed is what Parse says of bytes that are no envelope.
var ErrMalformed = errors.New("not a sealed signing key of format 1")

// KEM is DHKEM(P-256, HKDF-SHA256), 0x0010 (RFC 9180, 7.1).
func KEM() hpke.KEM { return hpke.DHKEM(ecdh.P256()) }

// KDF is HKDF-SHA256, 0x0001 (RFC 9180, 7.2).
func KDF() hpke.KDF { return hpke.HKDFSHA256() }

// AEAD is AES-256-GCM, 0x0002 (RFC 9180, 7.3).
func AEAD() hpke.AEAD { return hpke.AES256GCM() }

// Envelope is a sealed signing key in its parts.
type Envelope struct {
	KeyID         string
	SealedDataKey [SealedDataKeySize]byte
	// Box is nonce, ciphertext and tag.
	Box []byte
}

// Header gives what stands before the box. It fails on a key id that is empty
// or longer than MaxKeyIDSize, and on a sealed data key of another size.
func Header(keyID string, sealedDataKey []byte) ([]byte, error) {
	if err := CheckKeyID(keyID); err != nil {
		return nil, err
	}
	if len(sealedDataKey) != SealedDataKeySize {
		return nil, fmt.Errorf("sealed data key has %d bytes, want %d", len(sealedDataKey), SealedDataKeySize)
	}
	length := byte(len(keyID)) //nolint:gosec // CheckKeyID has bounded it
	return slices.Concat([]byte{format, length}, []byte(keyID), sealedDataKey), nil
}

// CheckKeyID fails, wrapping webhook.ErrInvalid, on a key id that does not fit.
func CheckKeyID(keyID string) error {
	if len(keyID) < 1 || len(keyID) > MaxKeyIDSize {
		return fmt.Errorf("key id %q: %w: it has 1 to %d bytes", keyID, webhook.ErrInvalid, MaxKeyIDSize)
	}
	return nil
}

// Parse takes an envelope apart. Box points into sealed. Bytes that are none
// are ErrMalformed; whether the parts are genuine only opening tells.
func Parse(sealed []byte) (Envelope, error) {
	if len(sealed) < 2 || sealed[0] != format {
		return Envelope{}, ErrMalformed
	}
	n, rest := int(sealed[1]), sealed[2:]
	if n < 1 || n > MaxKeyIDSize || len(rest) < n+SealedDataKeySize+nonceSize+tagSize {
		return Envelope{}, ErrMalformed
	}
	e := Envelope{KeyID: string(rest[:n]), Box: rest[n+SealedDataKeySize:]}
	copy(e.SealedDataKey[:], rest[n:])
	return e, nil
}

// SplitDataKey takes a sealed data key apart into the HPKE encapsulated key and
// the ciphertext. It must not be shorter than the first.
func SplitDataKey(sealed []byte) (encapsulated, ciphertext []byte) {
	return sealed[:encapsulatedSize:encapsulatedSize], sealed[encapsulatedSize:]
}

// AppendAdditionalData appends what a signing key is bound to: the id of the
// key it is sealed under, its account (API and id apart), its scope and
// the id there. Each part has its length before it, as an unsigned varint, so
// that no two lists of parts give the same bytes.
func AppendAdditionalData(dst []byte, keyID string, account webhook.Account, scope, id string) []byte {
	for _, part := range [...]string{keyID, string(account.API), account.ID, scope, id} {
		dst = binary.AppendUvarint(dst, uint64(len(part)))
		dst = append(dst, part...)
	}
	return dst
}

// NewBox gives the AES-256-GCM of a data key of DataKeySize bytes. Its Seal
// takes no nonce: it draws one from the system's random source and puts it
// before the ciphertext, where its Open expects it. The caller clears dataKey.
func NewBox(dataKey []byte) (cipher.AEAD, error) {
	if len(dataKey) != DataKeySize {
		return nil, fmt.Errorf("data key has %d bytes, want %d", len(dataKey), DataKeySize)
	}
	block, err := aes.NewCipher(dataKey)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}
