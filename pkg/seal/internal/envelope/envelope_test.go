package envelope_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"github.com/hookline/hookline/pkg/seal/internal/envelope"
	"github.com/hookline/hookline/pkg/webhook"
)

// Vectors of NIST CAVP GCMVS (CAVS 14.0): gcmDecrypt256.rsp and
// gcmEncryptExtIV256.rsp, 96-bit nonce, 128-bit tag.
var nistGCM = []struct {
	name, key, nonce, plain, bound, sealed string
	refused                                bool
}{
	{
		name:   "decrypt PTlen=0 AADlen=0 Count=0",
		key:    "f5a2b27c74355872eb3ef6c5feafaa740e6ae990d9d48c3bd9bb8235e589f010",
		nonce:  "58d2240f580a31c1d24948e9",
		sealed: "15e051a5e4a5f5da6cea92e2ebee5bac",
	},
	{
		name:   "decrypt PTlen=128 AADlen=128 Count=0",
		key:    "54e352ea1d84bfe64a1011096111fbe7668ad2203d902a01458c3bbd85bfce14",
		nonce:  "df7c3bca00396d0c018495d9",
		plain:  "85fc3dfad9b5a8d3258e4fc44571bd3b",
		bound:  "7e968d71b50c1f11fd001f3fef49d045",
		sealed: "426e0efc693b7be1f3018db7ddbb7e4d" + "ee8257795be6a1164d7e1d2d6cac77a7",
	},
	{
		name:   "decrypt PTlen=256 AADlen=384 Count=0",
		key:    "42f6c25159b8655380f052dd5dad180e76813b60eb813665c5015f26cf32e8f1",
		nonce:  "7248a5ed48f4f1b4a9db3826",
		plain:  "9a329cb45b0093e9c00615137dd7dbd1f8b525999af3bfc222315f41817717a7",
		bound:  "8e3c74f127dbfe29ac4de0a7c3240ee8aa8d38a82f38ad6b480236c8cd4232057a5502e936bfe22225830fa195a8afce",
		sealed: "26325c3463813a7d59d184a330ef80959637fa6db4f5db3062d3d2ec7e32d82a" + "4f39c63d4f215d5b39a58853d3842175",
	},
	{
		name:   "encrypt PTlen=408 AADlen=160 Count=0",
		key:    "24501ad384e473963d476edcfe08205237acfd49b5b8f33857f8114e863fec7f",
		nonce:  "9ff18563b978ec281b3f2794",
		plain:  "27f348f9cdc0c5bd5e66b1ccb63ad920ff2219d14e8d631b3872265cf117ee86757accb158bd9abb3868fdc0d0b074b5f01b2c",
		bound:  "adb5ec720ccf9898500028bf34afccbcaca126ef",
		sealed: "eb7cb754c824e8d96f7c6d9b76c7d26fb874ffbf1d65c6f64a698d839b0b06145dae82057ad55994cf59ad7f67c0fa5e85fab8" + "bc95c532fecc594c36d1550286a7a3f0",
	},
	{
		name:    "decrypt PTlen=128 AADlen=128 Count=2",
		key:     "9a0343f850a6427120f764789ffec6d237447b898fbf51d2182f065d3861497d",
		nonce:   "3deef6f453dd70d92143adcd",
		bound:   "dbb8226a624520863db6897017b2a4f8",
		sealed:  "e93165935ac18e3a2845d15fe31a9286" + "f5fc50d18766bc3d9e16dd136d45816b",
		refused: true,
	},
	{
		name:    "decrypt PTlen=408 AADlen=160 Count=0",
		key:     "e9d381a9c413bee66175d5586a189836e5c20f5583535ab4d3f3e612dc21700e",
		nonce:   "23e81571da1c7821c681c7ca",
		bound:   "6f39c9ae7b8e8a58a95f0dd8ea6a9087cbccdfd6",
		sealed:  "a25f3f580306cd5065d22a6b7e9660110af7204bb77d370f7f34bee547feeff7b32a596fce29c9040e68b1589aad48da881990" + "5b6dcd70eefb0892fab1539298b92a4b",
		refused: true,
	},
}

func TestBoxOpensNISTVectors(t *testing.T) {
	for _, tt := range nistGCM {
		t.Run(tt.name, func(t *testing.T) {
			box, err := envelope.NewBox(unhex(t, tt.key))
			if err != nil {
				t.Fatal(err)
			}
			got, err := box.Open(nil, nil, unhex(t, tt.nonce+tt.sealed), unhex(t, tt.bound))
			if tt.refused != (err != nil) || !bytes.Equal(got, unhex(t, tt.plain)) {
				t.Errorf("Open = %x, %v, want %s, refused %v", got, err, tt.plain, tt.refused)
			}
		})
	}
}

func TestBoxDrawsANonceEachTime(t *testing.T) {
	box, err := envelope.NewBox(make([]byte, envelope.DataKeySize))
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for range 1000 {
		nonce := string(box.Seal(nil, nil, []byte("x"), nil)[:12])
		if seen[nonce] {
			t.Fatalf("nonce %x came twice", nonce)
		}
		seen[nonce] = true
	}
}

func TestNewBoxWantsAES256(t *testing.T) {
	for _, size := range []int{0, 16, 24, 31, 33, 64} {
		if _, err := envelope.NewBox(make([]byte, size)); err == nil {
			t.Errorf("NewBox took a data key of %d bytes", size)
		}
	}
}

func TestHeaderIsParsedBack(t *testing.T) {
	sealed := bytes.Repeat([]byte{7}, envelope.SealedDataKeySize)
	box := bytes.Repeat([]byte{9}, 28)
	for _, id := range []string{"v1", "x", strings.Repeat("k", envelope.MaxKeyIDSize)} {
		header, err := envelope.Header(id, sealed)
		if err != nil {
			t.Fatal(err)
		}
		got, err := envelope.Parse(append(header, box...))
		if err != nil || got.KeyID != id || !bytes.Equal(got.SealedDataKey[:], sealed) || !bytes.Equal(got.Box, box) {
			t.Errorf("Parse(Header(%q)) = %+v, %v", id, got, err)
		}
	}
	for _, id := range []string{"", strings.Repeat("k", envelope.MaxKeyIDSize+1)} {
		if _, err := envelope.Header(id, sealed); !errors.Is(err, webhook.ErrInvalid) {
			t.Errorf("Header(%q) error = %v, want ErrInvalid", id, err)
		}
	}
	if _, err := envelope.Header("v1", sealed[1:]); err == nil {
		t.Error("Header took a sealed data key that is short of a byte")
	}
}

func TestParseRefuses(t *testing.T) {
	header, err := envelope.Header("v1", make([]byte, envelope.SealedDataKeySize))
	if err != nil {
		t.Fatal(err)
	}
	shortest := append(header, make([]byte, 28)...)
	if _, err := envelope.Parse(shortest); err != nil {
		t.Fatalf("Parse of the shortest envelope: %v", err)
	}
	for n := range shortest {
		if _, err := envelope.Parse(shortest[:n]); !errors.Is(err, envelope.ErrMalformed) {
			t.Errorf("Parse of the first %d bytes: %v, want ErrMalformed", n, err)
		}
	}
	for name, change := range map[string]func([]byte){
		"format 0":          func(b []byte) { b[0] = 0 },
		"format 2":          func(b []byte) { b[0] = 2 },
		"no key id":         func(b []byte) { b[1] = 0 },
		"key id of 65":      func(b []byte) { b[1] = 65 },
		"key id of 255":     func(b []byte) { b[1] = 255 },
		"key id past bytes": func(b []byte) { b[1] = 3 },
	} {
		changed := bytes.Clone(shortest)
		change(changed)
		if _, err := envelope.Parse(changed); !errors.Is(err, envelope.ErrMalformed) {
			t.Errorf("%s: %v, want ErrMalformed", name, err)
		}
	}
}

// What is authenticated must tell apart all lists of parts, also those whose
// parts give the same text when put together.
func TestAdditionalDataIsUnambiguous(t *testing.T) {
	type parts struct{ key, api, account, scope, id string }
	seen := map[string]parts{}
	for _, p := range []parts{
		{"v1", "squake", "a", "webhook", "b"},
		{"v", "1squake", "a", "webhook", "b"},
		{"v1", "squake:a", "", "webhook", "b"},
		{"v1", "squake", "a:b", "webhook", "c"},
		{"v1", "squake", "a", "webhook", "b:c"},
		{"v1", "squake", "a", "webhookb", ""},
		{"v1", "squake", "a", "", "webhookb"},
		{"v1", "squake", "awebhook", "", "b"},
		{"v1", "squake", "a\x07webhook", "", "b"},
		{"v1", "squake", "a", "account", "a"},
		{"v1", "squake", "a", "webhook", strings.Repeat("b", 127)},
		{"v1", "squake", "a", "webhook", strings.Repeat("b", 128)},
		{"", "", "", "", ""},
	} {
		got := string(envelope.AppendAdditionalData(nil, p.key, webhook.Account{API: webhook.API(p.api), ID: p.account}, p.scope, p.id))
		if other, ok := seen[got]; ok {
			t.Errorf("%+v and %+v give the same bytes %q", p, other, got)
		}
		seen[got] = p
	}
}

// FuzzParse holds Parse to its word: no panic, and what it takes is exactly
// what Header and the box give.
func FuzzParse(f *testing.F) {
	header, err := envelope.Header("v1", make([]byte, envelope.SealedDataKeySize))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(append(header, make([]byte, 28)...))
	f.Add(header)
	f.Add([]byte{})
	f.Add([]byte{1, 255})
	f.Fuzz(func(t *testing.T, sealed []byte) {
		e, err := envelope.Parse(sealed)
		if err != nil {
			if !errors.Is(err, envelope.ErrMalformed) {
				t.Fatalf("Parse(%x): %v, want ErrMalformed", sealed, err)
			}
			return
		}
		header, err := envelope.Header(e.KeyID, e.SealedDataKey[:])
		if err != nil {
			t.Fatalf("Header of what Parse took: %v", err)
		}
		if again := append(header, e.Box...); !bytes.Equal(again, sealed) {
			t.Fatalf("Parse(%x) puts together again as %x", sealed, again)
		}
	})
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
