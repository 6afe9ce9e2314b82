package shoptet

import (
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestEventNumbersStay holds the list to its order: an event's line is part of
// the ids that customers have.
func TestEventNumbersStay(t *testing.T) {
	if n := len(eventNumbers); n < 107 || n > 256 || n != strings.Count(eventList, "\n") {
		t.Fatalf("%d events on %d lines, want 107 to 256, each once", n, strings.Count(eventList, "\n"))
	}
	for event, want := range map[string]uint8{
		"availability:create": 0, "customer:update": 20, "order:create": 46, "order:update": 52, "stock:movement": 99, "warranty:update": 106,
	} {
		if got, ok := eventNumbers[event]; !ok || got != want {
			t.Errorf("event %s has number %d (%v), want %d", event, got, ok, want)
		}
	}
	for _, event := range systemEvents {
		if _, ok := eventNumbers[event]; ok {
			t.Errorf("the system event %s can be registered", event)
		}
	}
	for _, event := range slices.Concat(excluding[0][:], excluding[1][:], excluding[2][:]) {
		if _, ok := eventNumbers[event]; !ok {
			t.Errorf("the excluded event %s is not in the list", event)
		}
	}
}

func TestNewIDsNameTheEvent(t *testing.T) {
	sequence := func(number uint8) (int64, error) { return int64(number) << 4, nil }
	got, err := newIDs(sequence)([]string{"order:create", "availability:create"})
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{strconv.Itoa(46 << 4), "0"}; !slices.Equal(got, want) {
		t.Errorf("ids %v, want %v", got, want)
	}
}

func TestCheckAccountID(t *testing.T) {
	for id, want := range map[string]bool{
		"1": true, "315185": true, "315185-my_addon-2": true, "123456789012345": true,
		"0": false, "01": false, "1234567890123456": false, "acme": false, "315185-": false, "315185_x": false, "-1": false,
	} {
		if got := checkAccountID(id) == nil; got != want {
			t.Errorf("checkAccountID(%q) accepted: %v, want %v", id, got, want)
		}
	}
}
