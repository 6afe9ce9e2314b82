package sender_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hookline/hookline/internal/test/caught"
	"github.com/hookline/hookline/pkg/delivery"
)

// Senders that do what this package must not are caught by its own tests.
func TestBrokenSendersAreCaught(t *testing.T) {
	t.Run("a redirect followed", func(t *testing.T) {
		caught.Must(t, func(tb testing.TB) { followsNone(tb, plain{}) })
	})
	t.Run("a body read without bound", func(t *testing.T) {
		caught.Must(t, func(tb testing.TB) {
			readsLittle(tb, plain{}, "", strings.Repeat(marker, 100), 500*time.Millisecond)
		})
	})
}

// plain sends with net/http as it comes: it follows redirects, and reads bodies
// to their end.
type plain struct{}

func (plain) Send(ctx context.Context, r delivery.Request) delivery.Response {
	ctx, cancel := context.WithTimeout(ctx, r.Timeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, r.URL, bytes.NewReader(r.Body))
	if err != nil {
		return delivery.Response{Reason: "malformed"}
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(request)
	if err != nil {
		return delivery.Response{Reason: "failed"}
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		return delivery.Response{Reason: "broke off"}
	}
	if response.StatusCode > 299 {
		return delivery.Response{Status: response.StatusCode, Reason: "answered"}
	}
	return delivery.Response{Status: response.StatusCode}
}
