package squake

import (
	"slices"

	"github.com/hookline/hookline/pkg/api"
)

// newPortal returns the API as the portal shows it. It has no settings.
func newPortal(setup api.Setup) (api.Portal, error) {
	return api.Portal{
		Title:        "Squake",
		Event:        "kind",
		URL:          "endpoint_url",
		Key:          "signing key",
		Registry:     setup.Registry(rules(setup)),
		URLs:         setup.URLs,
		Events:       slices.Clone(kinds),
		CheckEvent:   checkKind,
		ChangesURL:   true,
		ChangesEvent: true,
		Verification: api.Verification{Header: "Squake-Signature", Hash: "sha256"},
	}, nil
}
