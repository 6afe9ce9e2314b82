package abbeycross

import (
	"strings"
	"testing"
	"time"
)

func TestParseHoursRefuses(t *testing.T) {
	for _, setting := range []string{
		"Mon-Fri 08:00-18:00", "Europe/Prague", "Mon-Fri 08:00-18:00 Nowhere/City", "Mon-Fri 08:00-18:00 Local",
		"Mon-Fri Europe/Prague", "08:00-18:00 Europe/Prague", "Mo-Fr 08:00-18:00 UTC", "Mon 8:00-18:00 UTC",
		"Mon 08:00 UTC", "Mon 08:00-25:00 UTC", "Mon 24:00-08:00 UTC", "Mon 08:00-18:00,, Tue 08:00-18:00 UTC",
		"Mon-Fri 08:00-18:00 extra UTC", "Mon- 08:00-18:00 UTC",
	} {
		_, err := parseHours(setting)
		if err == nil || !strings.HasPrefix(err.Error(), "HOOKLINE_ABBEYCROSS_HOURS: ") {
			t.Errorf("parseHours(%q) error = %v, want one that names the setting", setting, err)
		}
	}
}

func TestUntilOpen(t *testing.T) {
	const office = "Mon-Fri 08:00-18:00, Sat 09:00-12:00 Europe/Prague"
	for _, tt := range []struct {
		name, setting, now string
		want               time.Duration
	}{
		{"always open", "", "2026-01-18T03:00:00Z", 0},
		{"first second", office, "2026-01-19T08:00:00+01:00", 0},
		{"last moment", office, "2026-01-19T17:59:59.999+01:00", 0},
		{"closes on time", office, "2026-01-19T18:00:00+01:00", 14 * time.Hour},
		{"before opening", office, "2026-01-19T07:59:59.5+01:00", 500 * time.Millisecond},
		{"another zone's clock", office, "2026-01-19T06:30:00Z", 30 * time.Minute},
		{"over the weekend", office, "2026-01-17T12:00:00+01:00", 44 * time.Hour},
		{"Saturday morning", office, "2026-01-17T08:00:00+01:00", time.Hour},
		{"a night shorter by summer time", "Mon-Sun 04:00-20:00 Europe/Prague", "2026-03-28T20:00:00+01:00", 7 * time.Hour},
		{"a night longer by winter time", "Mon-Sun 04:00-20:00 Europe/Prague", "2026-10-24T20:00:00+02:00", 9 * time.Hour},
		{"a window that summer time swallows", "Sun 02:00-03:00 Europe/Prague", "2026-03-28T12:00:00+01:00", 7*24*time.Hour + 13*time.Hour},
		{"over midnight, evening", "Fri 22:00-06:00 UTC", "2026-01-16T23:00:00Z", 0},
		{"over midnight, morning after", "Fri 22:00-06:00 UTC", "2026-01-17T05:59:59Z", 0},
		{"over midnight, closed again", "Fri 22:00-06:00 UTC", "2026-01-17T06:00:00Z", 6*24*time.Hour + 16*time.Hour},
		{"until midnight", "Mon-Sun 00:00-24:00 UTC", "2026-01-17T23:59:59.999Z", 0},
		{"range over the week's end", "Sat-Mon 10:00-11:00 UTC", "2026-01-18T10:30:00Z", 0},
	} {
		h, err := parseHours(tt.setting)
		if err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		now, err := time.Parse(time.RFC3339, tt.now)
		if err != nil {
			t.Fatal(err)
		}
		if got := h.untilOpen(now); got != tt.want {
			t.Errorf("%s: untilOpen(%s) = %v, want %v", tt.name, tt.now, got, tt.want)
		}
	}
}

func TestWholeSeconds(t *testing.T) {
	for in, want := range map[time.Duration]string{1: "1", time.Second: "1", time.Second + 1: "2", 90 * time.Minute: "5400"} {
		if got := wholeSeconds(in); got != want {
			t.Errorf("wholeSeconds(%v) = %s, want %s", in, got, want)
		}
	}
}

func TestParseEvents(t *testing.T) {
	many := make([]string, maxEvents+1)
	for i := range many {
		many[i] = "e" + strings.Repeat("x", i%100) + string(rune('a'+i%26)) + strings.Repeat("y", i/100)
	}
	for _, setting := range []string{"a b", "a,,b", ",", strings.Join(many, ",")} {
		if _, err := parseEvents(setting); err == nil || !strings.HasPrefix(err.Error(), "HOOKLINE_ABBEYCROSS_EVENTS") {
			t.Errorf("parseEvents(%.20q) error = %v, want one that names the setting", setting, err)
		}
	}
	events, err := parseEvents(" shipment.created , shipment.lost")
	if err != nil {
		t.Fatal(err)
	}
	for event, wantOK := range map[string]bool{"shipment.created": true, "shipment.lost": true, "shipment.new": false, "a b": false} {
		if wrong := events.check(event); (wrong == "") != wantOK {
			t.Errorf("check(%q) = %q", event, wrong)
		}
	}
}
