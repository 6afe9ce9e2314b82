// Package httpsender sends notices as signed requests of Standard Webhooks 1.0.0 to a
// URL of the operator's.
package httpsender

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hookline/hookline/pkg/delivery"
	"github.com/hookline/hookline/pkg/notice"
	"github.com/hookline/hookline/pkg/signing"
	"github.com/hookline/hookline/pkg/webhook"
)

// timeout bounds one request.
const timeout = 15 * time.Second

// Sender is a notice.Sender.
type Sender struct {
	// URL is the operator's. It may hold a secret, so no error shows it.
	URL string
	Key webhook.Secret
	// Client makes the requests, under the rules of deliveries.
	Client delivery.Sender
	Now    func() time.Time
}

var _ notice.Sender = Sender{}

// Send makes one request. A notice is taken with a 2xx response.
func (s Sender) Send(ctx context.Context, n webhook.Notice) error {
	body, err := notice.Body(n)
	if err != nil {
		return err
	}
	header, err := signing.Standard(n.ID, s.Now(), body, s.Key)
	if err != nil {
		return fmt.Errorf("sign notice: %w", err)
	}
	header["Content-Type"] = "application/json"
	response := s.Client.Send(ctx, delivery.Request{URL: s.URL, Header: header, Body: body, Timeout: timeout})
	switch {
	case response.Reason != "":
		return errors.New(response.Reason)
	case response.Status/100 != 2:
		return fmt.Errorf("answered %d", response.Status)
	}
	return nil
}
