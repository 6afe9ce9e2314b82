package shoptet

import (
	"slices"

	"github.com/hookline/hookline/pkg/api"
)

// newPortal returns the API as the portal shows it. It has no settings.
func newPortal(setup api.Setup) (api.Portal, error) {
	p := api.Portal{
		Title:            "Shoptet",
		Event:            "event",
		URL:              "url",
		Key:              "signature key",
		Registry:         setup.Registry(rules(setup)),
		URLs:             setup.URLs,
		Events:           slices.Clone(eventNames),
		CheckEvent:       checkEventName,
		Excluding:        slices.Clone(excluding),
		Several:          true,
		Payload:          true,
		ChangesURL:       true,
		ChangesPayload:   true,
		RenewsAccountKey: true,
		Verification:     api.Verification{Header: "Shoptet-Webhook-Signature", Hash: "sha1"},
	}
	p.URLs.Ports = slices.Clone(ports)
	return p, nil
}
