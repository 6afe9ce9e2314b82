// Package signing computes the signatures of deliveries: those of Standard
// Webhooks 1.0.0, and the plain HMACs over the body that some APIs send in a
// header of their own.
//
// It works on bytes and keeps nothing. Signing again with the same arguments
// gives the same text. It refuses what cannot be signed so that a receiver can
// verify it: no key, a key that is not base64, an id that Standard Webhooks
// does not allow. No error holds a key or a part of one.
package signing

import (
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // Shoptet's contract asks for HMAC-SHA1
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"strconv"
	"strings"
	"time"

	"github.com/hookline/hookline/pkg/webhook"
)

// The headers of Standard Webhooks 1.0.0 ("Webhook Headers").
const (
	IDHeader        = "webhook-id"
	TimestampHeader = "webhook-timestamp"
	SignatureHeader = "webhook-signature"
)

const (
	// keyPrefix stands before symmetric keys, and may be left out.
	keyPrefix = "whsec_"
	// version stands before every signature made with a symmetric key.
	version = "v1,"
	// separator is between what is signed together, and between signatures
	// stands a space.
	separator = "."
)

// Errors of Standard, which say nothing of the key.
var (
	errNoKey = errors.New("no signing key")
	errKey   = errors.New("a signing key is not base64")
	errID    = errors.New("an id is visible ASCII without a full stop")
)

// Standard gives the three headers of Standard Webhooks 1.0.0 for a delivery
// that is sent at now: webhook-id, webhook-timestamp in seconds since 1970,
// and webhook-signature, one "v1," signature for each key, in their order, so
// that receivers may use any of them while a key is rotated.
//
// The keys are as the customer was shown them. What is signed with is what the
// official libraries make of that text: without "whsec_", decoded from base64.
func Standard(id string, now time.Time, body []byte, keys ...webhook.Secret) (map[string]string, error) {
	if len(keys) == 0 {
		return nil, errNoKey
	}
	if !validID(id) {
		return nil, fmt.Errorf("sign %q: %w", id, errID)
	}
	timestamp := strconv.FormatInt(now.Unix(), 10)
	before := []byte(id + separator + timestamp + separator)
	var list strings.Builder
	for i, key := range keys {
		raw, err := standardKey(key)
		if err != nil {
			return nil, fmt.Errorf("sign %q with key %d of %d: %w", id, i+1, len(keys), err)
		}
		if i > 0 {
			list.WriteByte(' ')
		}
		list.WriteString(version)
		list.WriteString(base64.StdEncoding.EncodeToString(sum(sha256.New, raw, before, body)))
	}
	return map[string]string{
		IDHeader:        id,
		TimestampHeader: timestamp,
		SignatureHeader: list.String(),
	}, nil
}

// HexSHA256 is the HMAC-SHA256 over body, keyed with the text of key, in 64
// lower-case hex digits.
func HexSHA256(key webhook.Secret, body []byte) string {
	return hex.EncodeToString(sum(sha256.New, []byte(key.Reveal()), body))
}

// HexSHA1 is the HMAC-SHA1 over body, keyed with the text of key, in 40
// lower-case hex digits.
func HexSHA1(key webhook.Secret, body []byte) string {
	return hex.EncodeToString(sum(sha1.New, []byte(key.Reveal()), body))
}

// standardKey gives the bytes that a key stands for. What comes of the decoder
// is not passed on: it may tell where in the key it stopped.
func standardKey(key webhook.Secret) ([]byte, error) {
	raw, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(key.Reveal(), keyPrefix))
	switch {
	case err != nil:
		return nil, errKey
	case len(raw) == 0:
		return nil, errNoKey
	}
	return raw, nil
}

// validID reports whether an id can be signed: a full stop in it would make
// two messages sign alike (Standard Webhooks 1.0.0, "Signature scheme"), and
// what is not visible ASCII does not pass through a header unchanged.
func validID(id string) bool {
	for i := range len(id) {
		if c := id[i]; c <= ' ' || c > '~' || c == '.' {
			return false
		}
	}
	return id != ""
}

func sum(algorithm func() hash.Hash, key []byte, parts ...[]byte) []byte {
	mac := hmac.New(algorithm, key)
	for _, part := range parts {
		mac.Write(part) // which never fails
	}
	return mac.Sum(nil)
}
