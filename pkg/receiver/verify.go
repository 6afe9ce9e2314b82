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

// The headers that are verified, in net/http's form.
const (
	idHeader        = "Webhook-Id"
	timestampHeader = "Webhook-Timestamp"
	signatureHeader = "Webhook-Signature"
	squakeHeader    = "Squake-Signature"
	shoptetHeader   = "Shoptet-Webhook-Signature"
)

// tolerance is how far webhook-timestamp may differ from the clock, as in the
// official libraries of Standard Webhooks.
const tolerance = 5 * time.Minute

// A timestamp between these numbers is in milliseconds: they are the years 1973
// and 5138, and as seconds the years 5138 and over three million.
const minMilliseconds, maxMilliseconds = 100_000_000_000, 100_000_000_000_000

// Check is the result of verifying a delivery by one scheme.
type Check struct {
	// Scheme is "Standard Webhooks", or the name of an API's own header.
	Scheme string
	// Error says why the delivery is not verified. It is nil if it is.
	Error error
}

// Reasons why a delivery is not verified.
var (
	errNoKey        = errors.New("no key given")
	errNoSignature  = errors.New("no signature")
	errTooLarge     = errors.New("the body is larger than 1 MiB")
	errMilliseconds = errors.New("webhook-signature is right, but webhook-timestamp is in milliseconds, and libraries read seconds")
)

// schemes are all schemes. A delivery is signed by those whose headers it has.
var schemes = []struct {
	name    string
	headers []string
	err     func(time.Time, []Key, http.Header, []byte) error
}{
	{"Standard Webhooks", []string{idHeader, timestampHeader, signatureHeader}, standardError},
	{squakeHeader, []string{squakeHeader}, plainError(squakeHeader, sha256.New)},
	{shoptetHeader, []string{shoptetHeader}, plainError(shoptetHeader, sha1.New)},
}

// Verify verifies a delivery that arrived at now by every scheme by which it is
// signed. It returns no checks if the delivery is not signed. Any of the keys
// may have signed. The signatures are computed here rather than by the code
// that Hookline signs with, so that the two cannot share a mistake.
func Verify(now time.Time, keys []Key, header http.Header, body []byte) []Check {
	var checks []Check
	for _, s := range schemes {
		signed, err := false, error(nil)
		for _, name := range s.headers {
			signed = signed || len(header.Values(name)) > 0
			if len(header.Values(name)) > 1 && err == nil {
				err = fmt.Errorf("%s was sent more than once", wireName(name))
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

// standardError verifies by Standard Webhooks 1.0.0: one of the listed
// signatures must be "v1," and the base64 of HMAC-SHA256 over id, timestamp and
// body.
func standardError(now time.Time, keys []Key, header http.Header, body []byte) error {
	for _, name := range []string{idHeader, timestampHeader, signatureHeader} {
		if header.Get(name) == "" {
			return fmt.Errorf("%s is missing", wireName(name))
		}
	}
	at, milliseconds, err := timestamp(header)
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
	case milliseconds:
		return errMilliseconds
	case age > tolerance:
		return fmt.Errorf("webhook-signature is right, but webhook-timestamp is %v old, more than 5 minutes", age.Truncate(time.Second))
	case age < -tolerance:
		return fmt.Errorf("webhook-signature is right, but webhook-timestamp is %v ahead, more than 5 minutes", -age.Truncate(time.Second))
	}
	return nil
}

// timestamp parses webhook-timestamp: seconds since 1970, in canonical decimal
// form. Some senders write milliseconds, which it reads and reports.
func timestamp(header http.Header) (at time.Time, milliseconds bool, err error) {
	text := header.Get(timestampHeader)
	number, err := strconv.ParseInt(text, 10, 64)
	switch {
	case err != nil || strconv.FormatInt(number, 10) != text:
		return time.Time{}, false, errors.New("webhook-timestamp is not a number of seconds since 1970")
	case number >= minMilliseconds && number <= maxMilliseconds:
		return time.UnixMilli(number), true, nil
	}
	return time.Unix(number, 0), false, nil
}

// plainError verifies by a header that holds the hex HMAC of the body, keyed
// with the text of the signing key.
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

// mismatch says that no key matches the signature in a header.
func mismatch(name string, keys []Key) error {
	if len(keys) > 1 {
		return fmt.Errorf("%s matches none of the %d keys: another key, or another body was signed", wireName(name), len(keys))
	}
	return fmt.Errorf("%s does not match: another key, or another body was signed", wireName(name))
}

func digest(algorithm func() hash.Hash, key []byte, parts ...[]byte) []byte {
	mac := hmac.New(algorithm, key)
	for _, part := range parts {
		mac.Write(part) // never fails
	}
	return mac.Sum(nil)
}

// wireName returns a header's name as its sender writes it: those of Standard
// Webhooks in lower case.
func wireName(name string) string {
	if strings.HasPrefix(name, "Webhook-") {
		return strings.ToLower(name)
	}
	return name
}
