package validate_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/hookline/hookline/pkg/validate"
	"github.com/hookline/hookline/pkg/webhook"
	"pgregory.net/rapid"
)

func TestEventName(t *testing.T) {
	for _, name := range []string{"a", "order:create", "Order.Paid-v2", "_", ".:-_", "0", strings.Repeat("x", 128)} {
		if err := validate.EventName(name); err != nil {
			t.Errorf("EventName(%q) = %v, want nil", name, err)
		}
	}
	for _, name := range []string{"", " ", "a b", "a/b", "a*", "é", "a\n", "a\x00", "\xff", "a@", "[", "`", "{", strings.Repeat("x", 129)} {
		err := validate.EventName(name)
		if reasonOf(t, err) != validate.BadEventName || !errors.Is(err, webhook.ErrInvalid) {
			t.Errorf("EventName(%q) = %v, want BadEventName", name, err)
		}
	}
}

func TestRepeats(t *testing.T) {
	for _, tt := range []struct {
		events []string
		want   []int
	}{
		{nil, nil},
		{[]string{"a"}, nil},
		{[]string{"a", "b", "A"}, nil},
		{[]string{"a", "a"}, []int{1}},
		{[]string{"a", "b", "a", "b", "a", "c"}, []int{2, 3, 4}},
		{[]string{"", ""}, []int{1}},
	} {
		if got := validate.Repeats(tt.events); !slices.Equal(got, tt.want) {
			t.Errorf("Repeats(%q) = %v, want %v", tt.events, got, tt.want)
		}
	}
}

func TestExcluded(t *testing.T) {
	pairs := [][2]string{
		{"order:update", "order:cancel"},
		{"customer:update", "customer:disableOrders"},
		{"customer:update", "customer:enableOrders"},
	}
	for _, tt := range []struct {
		events []string
		want   []int
	}{
		{nil, nil},
		{[]string{"order:update"}, nil},
		{[]string{"order:update", "order:create", "customer:update"}, nil},
		{[]string{"customer:disableOrders", "customer:enableOrders"}, nil},
		{[]string{"order:update", "order:create", "order:cancel"}, []int{2}},
		{[]string{"order:cancel", "order:update"}, []int{1}},
		{[]string{"customer:update", "customer:enableOrders", "customer:disableOrders"}, []int{1, 2}},
		{[]string{"customer:enableOrders", "customer:disableOrders", "customer:update"}, []int{2}},
		{[]string{"order:cancel", "customer:update", "order:update", "customer:enableOrders"}, []int{2, 3}},
	} {
		if got := validate.Excluded(tt.events, pairs); !slices.Equal(got, tt.want) {
			t.Errorf("Excluded(%q) = %v, want %v", tt.events, got, tt.want)
		}
	}
}

func TestBatchesAgreeWithNaive(t *testing.T) {
	event := rapid.StringMatching("[a-f]")
	pair := rapid.Custom(func(t *rapid.T) [2]string {
		return [2]string{event.Draw(t, "one"), event.Draw(t, "other")}
	})
	rapid.Check(t, func(t *rapid.T) {
		events := rapid.SliceOfN(event, 0, 12).Draw(t, "events")
		pairs := rapid.SliceOfN(pair, 0, 4).Draw(t, "pairs")
		var repeats, excluded []int
		for i, event := range events {
			before := events[:i]
			if slices.Contains(before, event) {
				repeats = append(repeats, i)
			}
			if slices.ContainsFunc(before, func(other string) bool {
				return slices.Contains(pairs, [2]string{event, other}) || slices.Contains(pairs, [2]string{other, event})
			}) {
				excluded = append(excluded, i)
			}
		}
		if got := validate.Repeats(events); !slices.Equal(got, repeats) {
			t.Errorf("Repeats(%q) = %v, want %v", events, got, repeats)
		}
		if got := validate.Excluded(events, pairs); !slices.Equal(got, excluded) {
			t.Errorf("Excluded(%q, %q) = %v, want %v", events, pairs, got, excluded)
		}
	})
}
