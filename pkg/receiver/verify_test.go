package receiver_test

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/hookline/hookline/pkg/receiver"
)

// A key of each API, and another of the first.
const (
	abbeycrossKey = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw+/2nEE2sC9E="
	squakeKey     = "X6JsoBw4Dgz+QoIeaKq6NAr5Ynm/AYN/7+UnnPyeDkI="
	shoptetKey    = "0123456789abcdef0123456789abcdef"
	otherKey      = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
)

var body = []byte(`{"type":"trip.ended","data":{"n":1}}`)

func keys(t testing.TB, texts ...string) []receiver.Key {
	t.Helper()
	var keys []receiver.Key
	for _, text := range texts {
		key, err := receiver.ParseKey(text)
		if err != nil {
			t.Fatalf("ParseKey: %v", err)
		}
		keys = append(keys, key)
	}
	return keys
}

// official is a signature by the official library of Standard Webhooks.
func official(t testing.TB, key, id string, at time.Time, body []byte) string {
	t.Helper()
	signer, err := standardwebhooks.NewWebhook(key)
	if err != nil {
		t.Fatal(err)
	}
	signature, err := signer.Sign(id, at, body)
	if err != nil {
		t.Fatal(err)
	}
	return signature
}

// hexHMAC is a signature as Squake and Shoptet describe it.
func hexHMAC(algorithm func() hash.Hash, key string, body []byte) string {
	mac := hmac.New(algorithm, []byte(key))
	mac.Write(body)
	return hex.EncodeToString(mac.Sum(nil))
}

// standard are the headers of a delivery that was signed at that time by keys.
func standard(t testing.TB, at time.Time, body []byte, keys ...string) http.Header {
	t.Helper()
	var signatures []string
	for _, key := range keys {
		signatures = append(signatures, official(t, key, "msg_1", at, body))
	}
	h := http.Header{}
	h.Set("webhook-id", "msg_1")
	h.Set("webhook-timestamp", strconv.FormatInt(at.Unix(), 10))
	h.Set("webhook-signature", strings.Join(signatures, " "))
	return h
}

// with gives headers with one changed; an empty value deletes it.
func with(h http.Header, name, value string) http.Header {
	h = h.Clone()
	h.Del(name)
	if value != "" {
		h.Set(name, value)
	}
	return h
}

// printed is all that the checks say: "" when every one is good.
func printed(checks []receiver.Check) string {
	if len(checks) == 0 {
		return "unsigned"
	}
	var errs []string
	for _, check := range checks {
		if check.Error != nil {
			errs = append(errs, check.Scheme+": "+check.Error.Error())
		}
	}
	return strings.Join(errs, "; ")
}

// Every result of a delivery by Standard Webhooks is the official library's.
func TestVerifyAgreesWithTheOfficialLibrary(t *testing.T) {
	now := time.Now()
	good := standard(t, now, body, abbeycrossKey)
	signature := good.Get("webhook-signature")
	for _, tt := range []struct {
		name   string
		key    string
		header http.Header
		body   []byte
		want   string // part of the result; empty for verified
	}{
		{"AbbeyCross's key", abbeycrossKey, good, body, ""},
		{"Squake's key", squakeKey, standard(t, now, body, squakeKey), body, ""},
		{"Shoptet's key", shoptetKey, standard(t, now, body, shoptetKey), body, ""},
		{"empty body", abbeycrossKey, standard(t, now, nil, abbeycrossKey), nil, ""},
		{"no UTF-8", abbeycrossKey, standard(t, now, []byte("\xff\x00"), abbeycrossKey), []byte("\xff\x00"), ""},
		{"rotation, new key", abbeycrossKey, standard(t, now, body, otherKey, abbeycrossKey), body, ""},
		{"rotation, old key", otherKey, standard(t, now, body, abbeycrossKey, otherKey), body, ""},
		{"an asymmetric one along", abbeycrossKey, with(good, "webhook-signature", "v1a,AAAA "+signature), body, ""},
		{"another key", otherKey, good, body, "does not match"},
		{"tampered", abbeycrossKey, good, []byte(`{"type":"trip.ended","data":{"n":2}}`), "does not match"},
		{"a byte more", abbeycrossKey, good, append([]byte(" "), body...), "does not match"},
		{"another id", abbeycrossKey, with(good, "webhook-id", "msg_2"), body, "does not match"},
		{"another time", abbeycrossKey, with(good, "webhook-timestamp", strconv.FormatInt(now.Unix()+1, 10)), body, "does not match"},
		{"another version", abbeycrossKey, with(good, "webhook-signature", "v2"+signature[2:]), body, "does not match"},
		{"no version", abbeycrossKey, with(good, "webhook-signature", signature[3:]), body, "does not match"},
		{"nothing but commas", abbeycrossKey, with(good, "webhook-signature", ",, , v1, v1"), body, "does not match"},
		{"old", abbeycrossKey, standard(t, now.Add(-5*time.Minute-2*time.Second), body, abbeycrossKey), body, "old, more than 5 minutes"},
		{"early", abbeycrossKey, standard(t, now.Add(5*time.Minute+time.Minute), body, abbeycrossKey), body, "ahead, more than 5 minutes"},
		{"not too old", abbeycrossKey, standard(t, now.Add(-4*time.Minute), body, abbeycrossKey), body, ""},
		{"not too early", abbeycrossKey, standard(t, now.Add(4*time.Minute), body, abbeycrossKey), body, ""},
		{"milliseconds", abbeycrossKey, standard(t, time.Unix(now.UnixMilli(), 0), body, abbeycrossKey), body, "is in milliseconds"},
		{"the end of time", abbeycrossKey, standard(t, time.Unix(1<<63-1, 0), body, abbeycrossKey), body, "more than 5 minutes"},
		{"its beginning", abbeycrossKey, standard(t, time.Unix(-1<<63, 0), body, abbeycrossKey), body, "more than 5 minutes"},
		{"no number", abbeycrossKey, with(good, "webhook-timestamp", "today"), body, "not a number of seconds"},
		{"too great a number", abbeycrossKey, with(good, "webhook-timestamp", "99999999999999999999"), body, "not a number of seconds"},
		{"without id", abbeycrossKey, with(good, "webhook-id", ""), body, "webhook-id is missing"},
		{"without timestamp", abbeycrossKey, with(good, "webhook-timestamp", ""), body, "webhook-timestamp is missing"},
		{"without signature", abbeycrossKey, with(good, "webhook-signature", ""), body, "webhook-signature is missing"},
	} {
		got := printed(receiver.Verify(now, keys(t, tt.key), tt.header, tt.body))
		if !strings.Contains(got, tt.want) || (got == "") != (tt.want == "") {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
		library, err := standardwebhooks.NewWebhook(tt.key)
		if err != nil {
			t.Fatal(err)
		}
		if err := library.Verify(tt.body, tt.header); (err == nil) != (got == "") {
			t.Errorf("%s: %q, but the official library says %v", tt.name, got, err)
		}
	}
}

// Where the library is loose, this is not: a timestamp has one form, and a
// header comes once.
func TestVerifyIsStrict(t *testing.T) {
	now := time.Unix(1_768_473_000, 0)
	good := standard(t, now, body, abbeycrossKey)
	twice := good.Clone()
	twice.Add("webhook-signature", good.Get("webhook-signature"))
	for want, header := range map[string]http.Header{
		"Standard Webhooks: webhook-timestamp is not a number of seconds since 1970": with(good, "webhook-timestamp", "+1768473000"),
		"Standard Webhooks: webhook-signature was sent more than once":               twice,
	} {
		if got := printed(receiver.Verify(now, keys(t, abbeycrossKey), header, body)); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	for age, want := range map[time.Duration]bool{
		5 * time.Minute: true, 5*time.Minute + 1: false,
		-5 * time.Minute: true, -5*time.Minute - 1: false,
	} {
		if got := printed(receiver.Verify(now.Add(age), keys(t, abbeycrossKey), good, body)); (got == "") != want {
			t.Errorf("at an age of %v: %q, want verified: %t", age, got, want)
		}
	}
}

func TestVerifyOwnHeaders(t *testing.T) {
	now := time.Unix(1_768_473_000, 0)
	squake, shoptet := hexHMAC(sha256.New, squakeKey, body), hexHMAC(sha1.New, shoptetKey, body)
	both := with(standard(t, now, body, squakeKey), "Squake-Signature", squake)
	for _, tt := range []struct {
		name   string
		keys   []receiver.Key
		header http.Header
		want   string
	}{
		{"Squake", keys(t, squakeKey), http.Header{"Squake-Signature": {squake}}, ""},
		{"Shoptet", keys(t, shoptetKey), http.Header{"Shoptet-Webhook-Signature": {shoptet}}, ""},
		{"one of several keys", keys(t, otherKey, shoptetKey, squakeKey), both, ""},
		{"upper case", keys(t, squakeKey), http.Header{"Squake-Signature": {strings.ToUpper(squake)}},
			"Squake-Signature: Squake-Signature does not match: another key, or another body was signed"},
		{"none of several keys", keys(t, otherKey, shoptetKey), http.Header{"Squake-Signature": {squake}},
			"Squake-Signature: Squake-Signature matches none of the 2 keys: another key, or another body was signed"},
		{"cut off", keys(t, shoptetKey), http.Header{"Shoptet-Webhook-Signature": {shoptet[:39]}},
			"Shoptet-Webhook-Signature: Shoptet-Webhook-Signature does not match: another key, or another body was signed"},
		{"empty", keys(t, shoptetKey), http.Header{"Shoptet-Webhook-Signature": {""}},
			"Shoptet-Webhook-Signature: Shoptet-Webhook-Signature does not match: another key, or another body was signed"},
		{"one of two wrong", keys(t, squakeKey), with(both, "Squake-Signature", shoptet),
			"Squake-Signature: Squake-Signature does not match: another key, or another body was signed"},
		{"no key", nil, both, "Standard Webhooks: no key given; Squake-Signature: no key given"},
		{"no signature", keys(t, squakeKey), http.Header{"Squake-Timestamp": {"2026-01-15T10:30:00Z"}}, "unsigned"},
	} {
		if got := printed(receiver.Verify(now, tt.keys, tt.header, body)); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestParseKey(t *testing.T) {
	for _, text := range []string{
		"", "whsec_", "secret", "whsec_MfKQ", shoptetKey[1:], strings.ToUpper(shoptetKey), shoptetKey + "0",
		squakeKey[:43], squakeKey + "A", "A" + squakeKey, squakeKey[:42] + "J=", // not the last bits that 32 bytes leave
		abbeycrossKey + "\n", "whsec_MfKQ9r8G\nKYqrTwjUPD8ILPZIo2LaLaSw", " " + squakeKey, "WHSEC_" + squakeKey, "whsec_" + shoptetKey + "!",
	} {
		_, err := receiver.ParseKey(text)
		if text == "whsec_MfKQ" { // short, but Standard Webhooks' libraries take it
			if err != nil {
				t.Errorf("ParseKey(%q): %v", text, err)
			}
			continue
		}
		if !errors.Is(err, receiver.ErrKey) || len(text) > 6 && strings.Contains(err.Error(), text) {
			t.Errorf("ParseKey(%q): %v, want ErrKey without the text", text, err)
		}
	}
}

func TestKeyShowsNothing(t *testing.T) {
	for _, text := range []string{abbeycrossKey, squakeKey, shoptetKey} {
		key := keys(t, text)[0]
		config := receiver.Config{Keys: []receiver.Key{key}}
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
			shown := fmt.Sprintf(verb+verb, config, &config)
			for _, secret := range []string{text, text[6:], hex.EncodeToString([]byte(text)), fmt.Sprint([]byte(text))[1:40]} {
				if strings.Contains(shown, secret) {
					t.Errorf("%s shows the key: %s", verb, shown)
				}
			}
		}
	}
}
