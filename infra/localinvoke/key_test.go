package main_test

import (
	"crypto/ecdh"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/hookline/hookline/internal/test/emulator"
)

// publishedPrivate is the private key of RFC 6979, A.2.5. Everyone has it.
const publishedPrivate = "C9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721"

// The sealing key of events/env.json is one that nobody can take for a secret.
func TestSealingKeyIsPublished(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(emulator.Root(t), "events", "env.json"))
	if err != nil {
		t.Fatal(err)
	}
	var settings struct {
		Parameters struct {
			Key string `json:"HOOKLINE_SEALING_PUBLIC_KEY"`
		}
	}
	if err := json.Unmarshal(text, &settings); err != nil {
		t.Fatal(err)
	}
	scalar, err := hex.DecodeString(publishedPrivate)
	if err != nil {
		t.Fatal(err)
	}
	private, err := ecdh.P256().NewPrivateKey(scalar)
	if err != nil {
		t.Fatal(err)
	}
	if want := base64.StdEncoding.EncodeToString(private.PublicKey().Bytes()); settings.Parameters.Key != want {
		t.Errorf("the sealing key is %s, want the published %s", settings.Parameters.Key, want)
	}
}
