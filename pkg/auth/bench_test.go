package auth_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/hookline/hookline/pkg/auth"
	"github.com/hookline/hookline/pkg/webhook"
)

// oneToken is a store that knows every token, without a lock of its own.
type oneToken struct{}

func (oneToken) Token(_ context.Context, h webhook.TokenHash) (webhook.Token, error) {
	return webhook.Token{ID: "id", Account: webhook.Account{API: "squake", ID: "acme"}, Hash: h, Rights: webhook.AllRights}, nil
}

// A warm token from the headers to the principal, by one caller and by all
// processors at once, each with tokens of its own.
func BenchmarkWarm(b *testing.B) {
	a := auth.New(auth.Config{Tokens: oneToken{}, API: "squake", Now: time.Now})
	requests := make([]http.Header, 64)
	for n := range requests {
		requests[n] = http.Header{"Authorization": {"Bearer " + tokenText(n)}}
	}
	authenticate := func(n int) error {
		token, err := auth.Bearer(requests[n%len(requests)])
		if err != nil {
			return err
		}
		_, err = a.Authenticate(context.Background(), token)
		return err
	}
	b.Run("single", func(b *testing.B) {
		b.ReportAllocs()
		for n := 0; b.Loop(); n++ {
			if err := authenticate(n); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("parallel", func(b *testing.B) {
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			for n := 0; pb.Next(); n++ {
				if err := authenticate(n); err != nil {
					b.Error(err)
					return
				}
			}
		})
	})
}

// Junk of the right shape, each piece new: a miss, a read and an eviction.
func BenchmarkUnknown(b *testing.B) {
	a := auth.New(auth.Config{Tokens: noTokens{}, API: "squake", Now: time.Now})
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		if _, err := a.Authenticate(context.Background(), webhook.NewSecret(tokenText(n))); err == nil {
			b.Fatal("accepted")
		}
	}
}

// noTokens is a store that knows none.
type noTokens struct{}

func (noTokens) Token(context.Context, webhook.TokenHash) (webhook.Token, error) {
	return webhook.Token{}, webhook.ErrNotFound
}
