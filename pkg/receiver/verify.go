package receiver

import (
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // Shoptet's contract asks for HMAC-SHA1
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// The headers that are checked, as net/http has their names.
const (
	idHeader        = "Webhook-Id"
	timestampHeader = "Webhook-Timestamp"
	signatureHeader = "Webhook-Signature"
	squakeHeader    = "Squake-Signature"
	shoptetHeader   = "Shoptet-Webhook-Signature"
)

// tolerance is how far webhook-timestamp may be from the clock, to either
// side: that of the official libraries of Standard Webhooks.
const tolerance = 5 * time.Minute

// Check is what became of verifying a delivery by one scheme.
type Check struct {
	// Scheme is "Standard Webhooks", or the name of an API's own header.
	Scheme string
	// Error says why the delivery is not verified; nil if it is.
	Error error
}

// Reasons for which a delivery is not verified.
var (
	errNoKey       = errors.New("no key given")
	errNoSignature = errors.New("there is no signature")
	errTooLarge    = errors.New("the body is larger than 1 MiB")
)

// schemes are all there are. A delivery is signed by those whose headers it
// has.
var schemes = []struct {
	name    string
	headers []string
	err     func(time.Time, []Key, http.Header, []byte) error
}{
	{"Standard Webhooks", []string{idHeader, timestampHeader, signatureHeader}, standardError},
	{squakeHeader, []string{squakeHeader}, plainError(squakeHeader, sha256.New)},
	{shoptetHeader, []string{shoptetHeader}, plainError(shoptetHeader, sha1.New)},
}

// Verify checks a delivery that arrived at now by every scheme that it is
// signed by; none if it is not signed. Any of the keys may be the one. The
// signatures are computed here, and not by what Hookline signs with, so that
// the two cannot agree on a mistake.
func Verify(now time.Time, keys []Key, header http.Header, body []byte) []Check {
	var checks []Check
	for _, s := range schemes {
		signed, err := false, error(nil)
		for _, name := range s.headers {
			signed = signed || len(header.Values(name)) > 0
			if len(header.Values(name)) > 1 && err == nil {
				err = fmt.Errorf("%s is there more than once", wireName(name))
			}
		}
		if !signed {
			continue
		}
		if err == nil && len(keys) == 0 {
			err = errNoKey
		}
		if err == nil {
			err = s.err(now, keys, header, body)
		}
		checks = append(checks, Check{s.name, err})
	}
	return checks
}

// standardError verifies by Standard Webhooks 1.0.0: one of the signatures in
// the list is "v1," and the base64 of HMAC-SHA256 over id, timestamp and body.
func standardError(now time.Time, keys []Key, header http.Header, body []byte) error {
	for _, name := range []string{idHeader, timestampHeader, signatureHeader} {
		if header.Get(name) == "" {
			return fmt.Errorf("%s is missing", wireName(name))
		}
	}
	at, err := timestamp(header)
	if err != nil {
		return err
	}
	signed := []byte(header.Get(idHeader) + "." + header.Get(timestampHeader) + ".")
	signatures := strings.Fields(header.Get(signatureHeader))
	matched := false
	for _, key := range keys {
		want := "v1," + base64.StdEncoding.EncodeToString(digest(sha256.New, key.reveal().standard, signed, body))
		for _, signature := range signatures {
			matched = hmac.Equal([]byte(signature), []byte(want)) || matched
		}
	}
	switch age := now.Sub(at); {
	case !matched:
		return mismatch(signatureHeader, keys)
	case age > tolerance:
		return fmt.Errorf("webhook-signature is right, but webhook-timestamp is %v old, more than 5 minutes", age.Truncate(time.Second))
	case age < -tolerance:
		return fmt.Errorf("webhook-signature is right, but webhook-timestamp is %v ahead, more than 5 minutes", -age.Truncate(time.Second))
	}
	return nil
}

// timestamp reads webhook-timestamp: whole seconds since 1970, in the one way
// of writing them.
func timestamp(header http.Header) (time.Time, error) {
	text := header.Get(timestampHeader)
	seconds, err := strconv.ParseInt(text, 10, 64)
	if err != nil || strconv.FormatInt(seconds, 10) != text {
		return time.Time{}, errors.New("webhook-timestamp is no number of seconds since 1970")
	}
	return time.Unix(seconds, 0), nil
}

// plainError verifies by a header that holds the hex of an HMAC over the body,
// keyed with the text of the signing key.
func plainError(name string, algorithm func() hash.Hash) func(time.Time, []Key, http.Header, []byte) error {
	return func(_ time.Time, keys []Key, header http.Header, body []byte) error {
		matched := false
		for _, key := range keys {
			want := hex.EncodeToString(digest(algorithm, key.reveal().text, body))
			matched = hmac.Equal([]byte(header.Get(name)), []byte(want)) || matched
		}
		if !matched {
			return mismatch(name, keys)
		}
		return nil
	}
}

// mismatch says that no key gives the signature in a header.
func mismatch(name string, keys []Key) error {
	if len(keys) > 1 {
		return fmt.Errorf("%s matches none of the %d keys: another key, or another body was signed", wireName(name), len(keys))
	}
	return fmt.Errorf("%s does not match: another key, or another body was signed", wireName(name))
}

func digest(algorithm func() hash.Hash, key []byte, parts ...[]byte) []byte {
	mac := hmac.New(algorithm, key)
	for _, part := range parts {
		mac.Write(part) // which never fails
	}
	return mac.Sum(nil)
}

// wireName is a header's name as those who send it write it: Standard
// Webhooks in lower case.
func wireName(name string) string {
	if strings.HasPrefix(name, "Webhook-") {
		return strings.ToLower(name)
	}
	return name
}
