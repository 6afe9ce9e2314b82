package abbeycross

import (
	"errors"
	"fmt"
	"strings"

	"github.com/hookline/hookline/pkg/api"
	"github.com/hookline/hookline/pkg/validate"
)

// maxEvents is how many the operator can define.
const maxEvents = 500

// eventList holds the events that the operator defines; with none, any
// well-formed name is an event.
type eventList map[string]struct{}

// eventsSetting names the operator's events.
const eventsSetting = "HOOKLINE_ABBEYCROSS_EVENTS"

// readEvents reads the operator's setting, which deployed stacks need.
func readEvents(setup api.Setup) (eventList, error) {
	events, err := parseEvents(setup.Getenv(eventsSetting))
	if err == nil && setup.Deployed && len(events) == 0 {
		err = errors.New(eventsSetting + ": name the events that can be registered, with commas between")
	}
	return events, err
}

// parseEvents reads names with commas between.
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

// check says what is wrong with an event's name, nothing if it can be
// registered.
func (l eventList) check(event string) string {
	if err := validate.EventName(event); err != nil {
		return err.Error()
	}
	if _, known := l[event]; len(l) > 0 && !known {
		return "is not an event of this API"
	}
	return ""
}
