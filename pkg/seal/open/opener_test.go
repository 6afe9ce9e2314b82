package open

import (
	"bytes"
	"context"
	"crypto/ecdh"
	"crypto/hpke"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/hookline/hookline/pkg/webhook"
)

func TestFailedLookUpIsAskedAgain(t *testing.T) {
	keys := newRing(t, "v1")
	sealed := mustSeal(t, keys.sealer(t, "v1"), owner, secretText)
	opener := New(keys)
	keys.fail = webhook.ErrUnavailable
	if _, err := opener.Open(t.Context(), owner, sealed); !errors.Is(err, webhook.ErrUnavailable) {
		t.Errorf("Open = %v, want ErrUnavailable", err)
	}
	keys.fail = nil
	if _, err := opener.Open(t.Context(), owner, sealed); err != nil {
		t.Errorf("Open after the failure: %v", err)
	}
}

func TestOtherCurvesAreRefused(t *testing.T) {
	keys := newRing(t, "v1")
	sealed := mustSeal(t, keys.sealer(t, "v1"), owner, secretText)
	x25519, err := hpke.DHKEM(ecdh.X25519()).GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := New(anyID{x25519}).Open(t.Context(), owner, sealed); err == nil || errors.Is(err, ErrRefused) {
		t.Errorf("Open with an X25519 key = %v, want an error of ours", err)
	}
}

// gate lets the first look-up wait until it is opened.
type gate struct {
	*ring
	open chan struct{}
}

func (g *gate) Private(ctx context.Context, id string) (hpke.PrivateKey, error) {
	select {
	case <-g.open:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	return g.ring.Private(ctx, id)
}

func TestConcurrentOpensShareOneLookUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		keys := &gate{newRing(t, "v1"), make(chan struct{})}
		sealed := mustSeal(t, keys.sealer(t, "v1"), owner, secretText)
		opener := New(keys)
		var group sync.WaitGroup
		for range 50 {
			group.Go(func() {
				got, err := opener.Open(t.Context(), owner, sealed)
				if err != nil || got.Reveal() != secretText {
					t.Errorf("Open: %v", err)
				}
			})
		}
		ctx, cancel := context.WithCancel(t.Context())
		group.Go(func() {
			if _, err := opener.Open(ctx, owner, sealed); !errors.Is(err, context.Canceled) {
				t.Errorf("Open of a caller who gave up: %v, want Canceled", err)
			}
		})
		synctest.Wait()
		cancel()
		synctest.Wait()
		close(keys.open)
		group.Wait()
		if n := keys.asked["v1"]; n != 1 {
			t.Errorf("private key was asked for %d times, want once", n)
		}
	})
}

func TestDataKeysAreBounded(t *testing.T) {
	keys := newRing(t, "v1")
	opener := New(keys)
	first := mustSeal(t, keys.sealer(t, "v1"), owner, secretText)
	if _, err := opener.Open(t.Context(), owner, first); err != nil {
		t.Fatal(err)
	}
	for range maxDataKeys {
		if _, err := opener.Open(t.Context(), owner, mustSeal(t, keys.sealer(t, "v1"), owner, secretText)); err != nil {
			t.Fatal(err)
		}
	}
	if n := opener.boxes.Len(); n != maxDataKeys {
		t.Errorf("%d data keys are kept, want %d", n, maxDataKeys)
	}
	if _, err := opener.Open(t.Context(), owner, first); err != nil {
		t.Errorf("a data key that was dropped: %v", err)
	}
}

// Many seal and open at once, through the same sealer and opener.
func TestConcurrentUse(t *testing.T) {
	keys := newRing(t, "v1", "v2")
	opener := New(keys)
	var group sync.WaitGroup
	for _, id := range []string{"v1", "v2"} {
		sealer := keys.sealer(t, id)
		for i := range 8 {
			group.Go(func() {
				for j := range 50 {
					text := fmt.Sprintf("%s %d %d", id, i, j)
					sealed, err := sealer.Seal(owner, webhook.NewSecret(text))
					if err != nil {
						t.Error(err)
						return
					}
					got, err := opener.Open(context.Background(), owner, sealed)
					if err != nil || got.Reveal() != text {
						t.Errorf("Open = %q, %v, want %q", got.Reveal(), err, text)
					}
				}
			})
		}
	}
	group.Wait()
}

// FuzzOpen: no bytes make Open panic, and none but the sealed ones open.
func FuzzOpen(f *testing.F) {
	opener := New(anyID{rfcPrivateKey(f)})
	sealed := unhex(f, format1(f))
	f.Add(sealed)
	f.Add(sealed[:len(sealed)-1])
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, blob []byte) {
		_, err := opener.Open(t.Context(), owner, blob)
		if genuine := bytes.Equal(blob, sealed); genuine != (err == nil) {
			t.Fatalf("Open(%x) = %v", blob, err)
		}
		if err != nil && !errors.Is(err, ErrRefused) {
			t.Fatalf("Open(%x) = %v, want ErrRefused", blob, err)
		}
	})
}

func BenchmarkOpen(b *testing.B) {
	keys := newRing(b, "v1")
	sealed := mustSeal(b, keys.sealer(b, "v1"), owner, secretText)
	opener := New(keys)
	b.Run("known data key", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := opener.Open(b.Context(), owner, sealed); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("new data key", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			opener.boxes.Purge()
			if _, err := opener.Open(b.Context(), owner, sealed); err != nil {
				b.Fatal(err)
			}
		}
	})
}
