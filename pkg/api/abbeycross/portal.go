package abbeycross

import (
	"maps"
	"slices"

	"github.com/hookline/hookline/pkg/api"
)

// newPortal returns the API as the portal shows it. A webhook cannot be
// changed, as in the API.
func newPortal(setup api.Setup) (api.Portal, error) {
	events, hours, err := readSettings(setup)
	if err != nil {
		return api.Portal{}, err
	}
	return api.Portal{
		Title:      "AbbeyCross",
		Event:      "event",
		URL:        "url",
		Key:        "API secret key",
		Registry:   setup.Registry(rules(setup)),
		URLs:       setup.URLs,
		Events:     slices.Sorted(maps.Keys(events)),
		CheckEvent: events.check,
		Several:    true,
		RenewsKey:  true,
		Closed:     hours.untilOpen,
	}, nil
}
