package shoptet

import (
	_ "embed"
	"strconv"
	"strings"

	"github.com/hookline/hookline/pkg/keygen"
)

// eventList names the events that can be registered, one a line. An event's
// line number is part of the ids of its webhooks: add new ones at the end,
// and never move or remove a line.
//
//go:embed events.txt
var eventList string

// eventNumbers are the places in the list, from 0.
var eventNumbers = func() map[string]uint8 {
	numbers := map[string]uint8{}
	for event := range strings.Lines(eventList) {
		numbers[strings.TrimSpace(event)] = uint8(len(numbers))
	}
	return numbers
}()

// systemEvents exist, but are not for registering.
var systemEvents = []string{"addon:suspend", "addon:approve", "addon:terminate", "addon:uninstall"}

// excluding are the pairs of which an account can have one.
var excluding = [][2]string{
	{"order:update", "order:cancel"},
	{"customer:update", "customer:disableOrders"},
	{"customer:update", "customer:enableOrders"},
}

// eventNames are in the order of their numbers.
var eventNames = strings.Fields(eventList)

// eventOf tells the event that an id names. An id that is written otherwise
// than we write it names none.
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

// newIDs gives each event an id that names its line in the list.
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
