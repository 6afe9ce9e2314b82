package portal

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hookline/hookline/pkg/webhook"
)

func TestRelative(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration][2]string{
		0: {"just now", "for a moment"}, -4 * time.Second: {"just now", "for a moment"}, 4 * time.Second: {"just now", "for a moment"},
		-59 * time.Second: {"59 s ago", "for 59 s"}, -59 * time.Minute: {"59 min ago", "for 59 min"}, -3 * time.Hour: {"3 h ago", "for 3 h"},
		-134 * time.Minute: {"2 h 14 min ago", "for 2 h 14 min"}, -50 * time.Hour: {"2 days ago", "for 2 days"},
		time.Minute: {"in 1 min", "in 1 min"}, 26 * time.Hour: {"in 26 h", "in 26 h"},
	} {
		if text, lasting := relative(d); [2]string{text, lasting} != want {
			t.Errorf("%v: %s, %s, want %s", d, text, lasting, want)
		}
	}
	if got := at(time.Time{}, time.Now()); got != (moment{}) {
		t.Errorf("no time is shown as %+v", got)
	}
}

// The bar says in words what it draws, and draws no more than its width.
func TestStrip(t *testing.T) {
	t.Parallel()
	var list []webhook.Delivery
	for _, s := range webhook.Statuses() {
		list = append(list, webhook.Delivery{Status: s})
	}
	if got, want := newStrip(slices.Values(list), false).Text, "5 in the last day: 1\u00a0delivered, 1\u00a0failed, 2\u00a0waiting, 1\u00a0cancelled"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	many := newStrip(slices.Values(make([]webhook.Delivery, 1000)), true)
	if want := "At least 1,000 in the last day: 1,000\u00a0waiting"; many.Text != want || len(many.Ticks) != 1 || strings.Count(many.Ticks[0].Path, "M") != stripTicks {
		t.Errorf("%+v, want %s", many, want)
	}
	tests := slices.Values([]webhook.Delivery{{Test: true}})
	if got := newStrip(tests, true); got.Text != "None among the account’s latest deliveries" {
		t.Errorf("text %q, though there may be some", got.Text)
	}
	if got := newStrip(tests, false); got.Text != "No deliveries in the last day" || got.Ticks != nil {
		t.Errorf("of nothing: %+v", got)
	}
}

// A URL breaks between its parts and loses nothing.
func TestAddress(t *testing.T) {
	t.Parallel()
	for text, want := range map[address][]string{
		"": nil, "example.com": {"example.com"}, "https://example.com": {"https://", "example.com"},
		"https://example.com//a?b=1&c=é/": {"https://", "example.com//", "a?", "b=1&", "c=é/"},
	} {
		if got := text.Parts(); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}

// Whatever the operator's colour, links and buttons can be read.
func TestAccentIsReadable(t *testing.T) {
	t.Parallel()
	for _, text := range []string{defaultAccent, "#000000", "#ffffff", "#ffff00", "#00a000", "#7f7f7f", "#FF0000"} {
		c, err := parseAccent(text)
		if err != nil {
			t.Fatal(err)
		}
		light, dark := c.towards(accent{}, lightGround), c.towards(accent{1, 1, 1}, darkGround)
		if contrast(light, lightGround) < readable || contrast(light, accent{1, 1, 1}) < readable || contrast(dark, darkGround) < readable {
			t.Errorf("%s becomes %s and %s", text, light.hex(), dark.hex())
		}
	}
}
