package signing_test

import (
	"bytes"
	crand "crypto/rand"
	"net/http"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/hookline/hookline/pkg/keygen"
	"github.com/hookline/hookline/pkg/signing"
	"github.com/hookline/hookline/pkg/webhook"
)

// The vector that Standard Webhooks' own libraries are tested with.
const (
	vectorKey       = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	vectorID        = "msg_p5jXN8AQM9LWM0D4loKWxJek"
	vectorTime      = 1614265330
	vectorBody      = `{"test": 2432232314}`
	vectorSignature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
)

func TestStandardVector(t *testing.T) {
	for _, key := range []string{vectorKey, strings.TrimPrefix(vectorKey, "whsec_")} {
		at := time.Unix(vectorTime, 999_999_999) // the second is not rounded up
		got, err := signing.Standard(vectorID, at, []byte(vectorBody), webhook.NewSecret(key))
		if err != nil {
			t.Fatal(err)
		}
		want := map[string]string{
			"webhook-id":        vectorID,
			"webhook-timestamp": "1614265330",
			"webhook-signature": vectorSignature,
		}
		if len(got) != len(want) {
			t.Errorf("got %v", got)
		}
		for name := range want {
			if got[name] != want[name] {
				t.Errorf("%s: %q, want %q", name, got[name], want[name])
			}
		}
	}
}

// keys makes a key of each API, exactly as its customer is shown it.
func keys(t *testing.T) map[string]webhook.Secret {
	t.Helper()
	made := map[string]webhook.Secret{}
	g := keygen.New(crand.Reader, time.Now)
	for api, newKey := range map[string]func() (webhook.Secret, error){
		"squake": g.Base64Key, "shoptet": g.HexKey, "abbeycross": g.PrefixedKey,
	} {
		key, err := newKey()
		if err != nil {
			t.Fatal(err)
		}
		made[api] = key
	}
	return made
}

// verify asks the official library, which is given the key as it was shown.
func verify(t *testing.T, key webhook.Secret, body []byte, header map[string]string) error {
	t.Helper()
	library, err := standardwebhooks.NewWebhook(key.Reveal())
	if err != nil {
		t.Fatal(err)
	}
	h := http.Header{}
	for name, value := range header {
		h.Set(name, value)
	}
	return library.Verify(body, h)
}

func TestOfficialLibraryVerifiesEveryKindOfKey(t *testing.T) {
	bodies := [][]byte{nil, []byte(`{}`), []byte("\x00\xff"), bytes.Repeat([]byte("ž"), 1<<17)}
	for api, key := range keys(t) {
		for _, body := range bodies {
			header, err := signing.Standard("0123456789ab", time.Now(), body, key)
			if err != nil {
				t.Fatalf("%s: %v", api, err)
			}
			if err := verify(t, key, body, header); err != nil {
				t.Errorf("%s, body of %d bytes: %v", api, len(body), err)
			}
			if err := verify(t, key, append(bytes.Clone(body), ' '), header); err == nil {
				t.Errorf("%s: another body is verified too", api)
			}
			header[signing.IDHeader] += "0"
			if err := verify(t, key, body, header); err == nil {
				t.Errorf("%s: another id is verified too", api)
			}
		}
	}
}

// TestRotation: while a key is rotated, receivers verify with the new one and
// with every one that still signs along, and the new one's signature is first.
func TestRotation(t *testing.T) {
	made := keys(t)
	current, retired, stranger := made["abbeycross"], made["squake"], made["shoptet"]
	body := []byte(vectorBody)
	header, err := signing.Standard("id", time.Now(), body, current, retired)
	if err != nil {
		t.Fatal(err)
	}
	for name, key := range map[string]webhook.Secret{"current": current, "retired": retired} {
		if err := verify(t, key, body, header); err != nil {
			t.Errorf("with the %s key: %v", name, err)
		}
	}
	if err := verify(t, stranger, body, header); err == nil {
		t.Error("a key that did not sign verifies")
	}
	list := strings.Split(header[signing.SignatureHeader], " ")
	if len(list) != 2 {
		t.Fatalf("signatures %q, want two", list)
	}
	header[signing.SignatureHeader] = list[0]
	if err := verify(t, current, body, header); err != nil {
		t.Errorf("the first signature is not the current key's: %v", err)
	}
}

func TestStandardRefuses(t *testing.T) {
	good := webhook.NewSecret(vectorKey)
	const bad = "c2VjcmV0IHRleHQ*"
	cases := map[string]struct {
		id   string
		keys []webhook.Secret
	}{
		"no key":            {"id", nil},
		"zero key":          {"id", []webhook.Secret{{}}},
		"prefix only":       {"id", []webhook.Secret{webhook.NewSecret("whsec_")}},
		"not base64":        {"id", []webhook.Secret{webhook.NewSecret(bad)}},
		"bad retired key":   {"id", []webhook.Secret{good, webhook.NewSecret("whsec_" + bad)}},
		"empty id":          {"", []webhook.Secret{good}},
		"full stop in id":   {"a.b", []webhook.Secret{good}},
		"line end in id":    {"a\nb", []webhook.Secret{good}},
		"beyond ASCII id":   {"ž", []webhook.Secret{good}},
		"white space in id": {"a b", []webhook.Secret{good}},
	}
	for name, c := range cases {
		header, err := signing.Standard(c.id, time.Unix(vectorTime, 0), []byte(vectorBody), c.keys...)
		if err == nil || header != nil {
			t.Errorf("%s: %v, %v; want an error", name, header, err)
			continue
		}
		for _, key := range []string{vectorKey, bad, "secret text"} {
			if strings.Contains(err.Error(), strings.TrimPrefix(key, "whsec_")) {
				t.Errorf("%s: the error tells the key: %v", name, err)
			}
		}
	}
}

// TestHex compares with what "openssl dgst -hmac" prints.
func TestHex(t *testing.T) {
	key := webhook.NewSecret("0123456789abcdef0123456789abcdef")
	body := []byte(vectorBody)
	if got, want := signing.HexSHA256(key, body), "fd98f3167cae21320482e551ffff4b9572d509ed89a8b62efbeb739a92aad8ad"; got != want {
		t.Errorf("HexSHA256 = %s, want %s", got, want)
	}
	if got, want := signing.HexSHA1(key, body), "b42c45f0e165c64265cb4ab05250b2edc2f7ce67"; got != want {
		t.Errorf("HexSHA1 = %s, want %s", got, want)
	}
}

// TestAllocations: signing copies no body, however large.
func TestAllocations(t *testing.T) {
	key := webhook.NewSecret(vectorKey)
	at := time.Unix(vectorTime, 0)
	count := func(body []byte) float64 {
		return testing.AllocsPerRun(50, func() {
			if _, err := signing.Standard(vectorID, at, body, key); err != nil {
				t.Fatal(err)
			}
		})
	}
	small, large := count([]byte("{}")), count(make([]byte, 256<<10))
	if large > small || small > 20 {
		t.Errorf("%v allocations for a small body, %v for a large one", small, large)
	}
}
