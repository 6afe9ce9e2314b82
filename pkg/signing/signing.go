// Package signing computes the signatures of deliveries: those of Standard
// Webhooks 1.0.0, and the plain HMACs of the body that some APIs send in a
// header of their own.
//
// It works on bytes and keeps nothing. The same arguments always give the same
// signature. It refuses to sign what a receiver could not verify: without a
// key, with a key that is not base64, or for an id that Standard Webhooks does
// not allow. No error contains a key or a part of one.
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
	// keyPrefix is the optional prefix of symmetric keys.
	keyPrefix = "whsec_"
	// version is the prefix of every signature made with a symmetric key.
	version = "v1,"
	// separator separates the parts that are signed together. A space separates
	// signatures.
	separator = "."
)

// Errors of [Standard]. They show nothing of the key.
var (
	errNoKey = errors.New("no signing key")
	errKey   = errors.New("a signing key is not base64")
	errID    = errors.New("an id is visible ASCII without a full stop")
)

// Standard returns the three headers of Standard Webhooks 1.0.0 for a delivery
// sent at now: webhook-id, webhook-timestamp in seconds since 1970, and
// webhook-signature, which has one "v1," signature per key in their order, so
// that receivers may use any of the keys during a rotation.
//
// keys are in the form in which the customer was shown them. As in the official
// libraries, the HMAC key is that text without "whsec_", decoded from base64.
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

// HexSHA256 returns the HMAC-SHA256 of body, keyed with the text of key, as 64
// lower-case hex digits.
func HexSHA256(key webhook.Secret, body []byte) string {
	return hex.EncodeToString(sum(sha256.New, []byte(key.Reveal()), body))
}

// HexSHA1 returns the HMAC-SHA1 of body, keyed with the text of key, as 40
// lower-case hex digits.
func HexSHA1(key webhook.Secret, body []byte) string {
	return hex.EncodeToString(sum(sha1.New, []byte(key.Reveal()), body))
}

// standardKey returns the HMAC key of a signing key. It drops the decoder's
// error, which may tell where in the key decoding stopped.
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

// validID reports whether an id can be signed. With a full stop in it, two
// messages could have the same signature (Standard Webhooks 1.0.0, "Signature
// scheme"), and characters that are not visible ASCII do not pass through a
// header unchanged.
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
		mac.Write(part) // never fails
	}
	return mac.Sum(nil)
}
