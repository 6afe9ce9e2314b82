package abbeycross

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// hours are the operator's working hours. The zero value is always open.
type hours struct {
	zone    *time.Location
	windows []window
}

// window is open on one weekday from start to end, in the zone's wall clock
// time. An end that is not after start is on the next day.
type window struct {
	day        time.Weekday
	start, end clock
}

// clock is a time of day in minutes since midnight.
type clock int

// searchDays is how far ahead the next opening is searched. It is two weeks
// because a change to summer time can remove a window of one.
const searchDays = 14

var weekdays = []string{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"}

// parseHours parses the operator's setting: comma-separated windows followed by
// an IANA time zone, as in "Mon-Fri 08:00-18:00, Sat 09:00-12:00
// Europe/Prague". An empty setting is always open.
func parseHours(setting string) (hours, error) {
	setting = strings.TrimSpace(setting)
	if setting == "" {
		return hours{}, nil
	}
	h, err := readHours(setting)
	if err != nil {
		return hours{}, fmt.Errorf("HOOKLINE_ABBEYCROSS_HOURS: %w; write it like Mon-Fri 08:00-18:00, Sat 09:00-12:00 Europe/Prague", err)
	}
	return h, nil
}

func readHours(setting string) (hours, error) {
	cut := strings.LastIndexByte(setting, ' ')
	if cut < 0 {
		return hours{}, fmt.Errorf("%q has no time zone", setting)
	}
	zone, err := time.LoadLocation(setting[cut+1:])
	if err != nil || setting[cut+1:] == "Local" {
		return hours{}, fmt.Errorf("%q is no IANA time zone", setting[cut+1:])
	}
	h := hours{zone: zone}
	for part := range strings.SplitSeq(setting[:cut], ",") {
		windows, err := parseWindows(strings.Fields(part))
		if err != nil {
			return hours{}, fmt.Errorf("%q: %w", strings.TrimSpace(part), err)
		}
		h.windows = append(h.windows, windows...)
	}
	return h, nil
}

// parseWindows parses the fields of "Mon-Fri 08:00-18:00".
func parseWindows(fields []string) ([]window, error) {
	if len(fields) != 2 {
		return nil, fmt.Errorf("days and times are needed")
	}
	from, to, isRange := strings.Cut(fields[0], "-")
	if !isRange {
		to = from
	}
	first, last := slices.Index(weekdays, from), slices.Index(weekdays, to)
	if first < 0 || last < 0 {
		return nil, fmt.Errorf("days are %s", strings.Join(weekdays, ", "))
	}
	opens, closes, found := strings.Cut(fields[1], "-")
	start, startErr := parseClock(opens)
	end, endErr := parseClock(closes)
	if !found || startErr != nil || endErr != nil || start == 24*60 {
		return nil, fmt.Errorf("times are 00:00 to 24:00")
	}
	var windows []window
	for day := first; ; day = (day + 1) % len(weekdays) {
		windows = append(windows, window{time.Weekday(day), start, end})
		if day == last {
			return windows, nil
		}
	}
}

func parseClock(s string) (clock, error) {
	if s == "24:00" {
		return 24 * 60, nil
	}
	t, err := time.Parse("15:04", s)
	if err != nil || len(s) != len("15:04") {
		return 0, fmt.Errorf("%q is no time of day", s)
	}
	return clock(t.Hour()*60 + t.Minute()), nil
}

// untilOpen returns how long the API remains closed from now on; 0 if it is
// open.
func (h hours) untilOpen(now time.Time) time.Duration {
	if len(h.windows) == 0 {
		return 0
	}
	wait := searchDays * 24 * time.Hour
	year, month, day := now.In(h.zone).Date()
	for offset := -1; offset <= searchDays; offset++ {
		date := time.Date(year, month, day+offset, 12, 0, 0, 0, h.zone)
		for _, w := range h.windows {
			if w.day != date.Weekday() {
				continue
			}
			start, end := w.on(date)
			if !now.Before(start) && now.Before(end) {
				return 0
			}
			if start.After(now) && start.Before(end) {
				wait = min(wait, start.Sub(now))
			}
		}
	}
	return wait
}

// on returns when the window opens and closes on a date.
func (w window) on(date time.Time) (start, end time.Time) {
	at := func(c clock, days int) time.Time {
		year, month, day := date.Date()
		return time.Date(year, month, day+days, 0, int(c), 0, 0, date.Location())
	}
	if w.end > w.start {
		return at(w.start, 0), at(w.end, 0)
	}
	return at(w.start, 0), at(w.end, 1)
}
