package open

import (
	"bytes"
	"crypto/hpke"
	"encoding/hex"
	"testing"

	"github.com/hookline/hookline/pkg/seal/internal/envelope"
)

// The vector of RFC 9180's published set (test-vectors.json of
// cfrg/draft-irtf-cfrg-hpke) for mode 0, KEM 0x0010, KDF 0x0001, AEAD 0x0002,
// first encryption.
const (
	rfcPrivate      = "317f915db7bc629c48fe765587897e01e282d3e8445f79f27f65d031a88082b2"
	rfcPublic       = "04abc7e49a4c6b3566d77d0304addc6ed0e98512ffccf505e6a8e3eb25c685136f853148544876de76c0f2ef99cdc3a05ccf5ded7860c7c021238f9e2073d2356c"
	rfcEncapsulated = "04c06b4f6bebc7bb495cb797ab753f911aff80aefb86fd8b6fcc35525f3ab5f03e0b21bd31a86c6048af3cb2d98e0d3bf01da5cc4c39ff5370d331a4f1f7d5a4e0"
	rfcInfo         = "4f6465206f6e2061204772656369616e2055726e"
	rfcBound        = "436f756e742d30"
	rfcCiphertext   = "58c61a45059d0c5704560e9d88b564a8b63f1364b8d1fcb3c4c6ddc1d291742465e902cd216f8908da49f8f96f"
	rfcPlain        = "4265617574792069732074727574682c20747275746820626561757479"
)

func TestOpenDataKeyOnRFC9180Vector(t *testing.T) {
	private := rfcPrivateKey(t)
	if got := private.PublicKey().Bytes(); !bytes.Equal(got, unhex(t, rfcPublic)) {
		t.Fatalf("public key %x, want %s", got, rfcPublic)
	}
	sealed := unhex(t, rfcEncapsulated+rfcCiphertext)
	got, err := openDataKey(private, unhex(t, rfcInfo), unhex(t, rfcBound), sealed)
	if err != nil || !bytes.Equal(got, unhex(t, rfcPlain)) {
		t.Fatalf("openDataKey = %q, %v, want %q", got, err, unhex(t, rfcPlain))
	}
	if _, err := openDataKey(private, []byte("another info"), unhex(t, rfcBound), sealed); err == nil {
		t.Error("opened under another info")
	}
	if _, err := openDataKey(private, unhex(t, rfcInfo), []byte("Count-1"), sealed); err == nil {
		t.Error("opened under other additional data")
	}
}

func rfcPrivateKey(t testing.TB) hpke.PrivateKey {
	t.Helper()
	private, err := envelope.KEM().NewPrivateKey(unhex(t, rfcPrivate))
	if err != nil {
		t.Fatal(err)
	}
	return private
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
