package keygen_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/hookline/hookline/pkg/keygen"
)

func TestSequenceNumber(t *testing.T) {
	now := func() time.Time { return time.Date(2026, 1, 15, 10, 30, 0, 0, time.UTC) }
	for _, want := range []uint8{0, 1, 106, 255} {
		for _, noise := range []byte{0, 0xff} {
			id, err := keygen.New(bytes.NewReader([]byte{noise}), now).Sequence(want)
			if err != nil {
				t.Fatal(err)
			}
			if got := keygen.SequenceNumber(id); got != want {
				t.Errorf("SequenceNumber(%d) = %d, want %d", id, got, want)
			}
		}
	}
}
