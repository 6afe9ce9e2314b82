package shoptet

import (
	_ "embed"
	"strconv"
	"strings"

	"github.com/hookline/hookline/pkg/keygen"
)

// eventList names the events that can be registered, one per line. An event's
// line number is part of the ids of its webhooks: add new events at the end,
// and never move or remove a line.
//
//go:embed events.txt
var eventList string

// eventNumbers maps events to their index in the list, from 0.
var eventNumbers = func() map[string]uint8 {
	numbers := map[string]uint8{}
	for event := range strings.Lines(eventList) {
		numbers[strings.TrimSpace(event)] = uint8(len(numbers))
	}
	return numbers
}()

// systemEvents exist but cannot be registered.
var systemEvents = []string{"addon:suspend", "addon:approve", "addon:terminate", "addon:uninstall"}

// excluding has the pairs of events of which an account can have only one.
var excluding = [][2]string{
	{"order:update", "order:cancel"},
	{"customer:update", "customer:disableOrders"},
	{"customer:update", "customer:enableOrders"},
}

// eventNames has the events in the order of their numbers.
var eventNames = strings.Fields(eventList)

// eventOf returns the event that an id encodes. ok is false for an id that is
// not written as Hookline writes it.
func eventOf(id string) (event string, ok bool) {
	n, err := strconv.ParseInt(id, 10, 64)
	if err != nil || n < 0 || strconv.FormatInt(n, 10) != id {
		return "", false
	}
	number := keygen.SequenceNumber(n)
	if int(number) >= len(eventNames) {
		return "", false
	}
	return eventNames[number], true
}

// newIDs returns a function that gives each event an id that encodes its line.
func newIDs(sequence func(number uint8) (int64, error)) func(events []string) ([]string, error) {
	return func(events []string) ([]string, error) {
		ids := make([]string, len(events))
		for i, event := range events {
			id, err := sequence(eventNumbers[event])
			if err != nil {
				return nil, err
			}
			ids[i] = strconv.FormatInt(id, 10)
		}
		return ids, nil
	}
}
