package main

import (
	"context"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/hookline/hookline/pkg/webhook"
)

// slowBackend answers no look at a delivery.
type slowBackend struct {
	backend
	looks chan struct{}
}

func (b slowBackend) Delivery(ctx context.Context, _ webhook.Account, _ string) (deliveryDetails, error) {
	b.looks <- struct{}{}
	<-ctx.Done()
	return deliveryDetails{}, errors.New("the look was broken off")
}

// A look that takes too long ends a wait as too late, and an interruption does
// not.
func TestAwaitDeliveryWithoutAnswers(t *testing.T) {
	t.Parallel()
	p := testProgram(noSettings, io.Discard, io.Discard)
	b := slowBackend{looks: make(chan struct{}, 2)}
	never := func(deliveryDetails) bool { return false }
	if _, err := p.awaitDelivery(t.Context(), b, webhook.Account{}, "", time.Millisecond, never); !errors.Is(err, errLate) {
		t.Errorf("after its time the wait ends with %v", err)
	}
	ctx, stop := context.WithCancel(t.Context())
	<-b.looks
	go func() { <-b.looks; stop() }()
	if _, err := p.awaitDelivery(ctx, b, webhook.Account{}, "", timeout, never); err == nil || errors.Is(err, errLate) {
		t.Errorf("interrupted, the wait ends with %v", err)
	}
}
