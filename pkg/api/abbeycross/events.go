package abbeycross

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hookline/hookline/pkg/api"
	"github.com/hookline/hookline/pkg/validate"
)

// maxEvents is the maximum number of events that the operator can define.
const maxEvents = 500

// eventList is the set of events that the operator defined. If it is empty,
// every well-formed name is an event.
type eventList map[string]struct{}

// eventsSetting is the name of the setting that defines the events.
const eventsSetting = "HOOKLINE_ABBEYCROSS_EVENTS"

// readEvents reads the operator's setting, which deployed stacks require.
func readEvents(setup api.Setup) (eventList, error) {
	events, err := parseEvents(setup.Getenv(eventsSetting))
	if err == nil && setup.Deployed && len(events) == 0 {
		err = errors.New(eventsSetting + ": name the events that can be registered, with commas between")
	}
	return events, err
}

// likelyEvents returns the operator's events, sorted, or names that many have if
// every well-formed name is an event.
func likelyEvents(getenv func(string) string) []string {
	if events, err := parseEvents(getenv(eventsSetting)); err == nil && len(events) > 0 {
		return slices.Sorted(maps.Keys(events))
	}
	return []string{"shipment.created", "shipment.delivered", "order.created", "payment.captured", "invoice.issued", "customer.created"}
}

// parseEvents parses a comma-separated list of names.
func parseEvents(setting string) (eventList, error) {
	if strings.TrimSpace(setting) == "" {
		return nil, nil
	}
	events := eventList{}
	for event := range strings.SplitSeq(setting, ",") {
		event = strings.TrimSpace(event)
		if err := validate.EventName(event); err != nil {
			return nil, fmt.Errorf("%s: event %q %w", eventsSetting, event, err)
		}
		events[event] = struct{}{}
	}
	if len(events) > maxEvents {
		return nil, fmt.Errorf("%s: %d events, at most %d are possible", eventsSetting, len(events), maxEvents)
	}
	return events, nil
}

// check says what is wrong with an event's name. It returns "" if the event can
// be registered.
func (l eventList) check(event string) string {
	if err := validate.EventName(event); err != nil {
		return err.Error()
	}
	if _, known := l[event]; len(l) > 0 && !known {
		return "is not an event of this API"
	}
	return ""
}
