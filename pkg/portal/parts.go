package portal

import (
	"fmt"
	"iter"
	"strconv"
	"strings"
	"time"

	"github.com/hookline/hookline/pkg/webhook"
)

// The parts that pages are made of, as templates/parts.html draws them. All
// their texts are escaped there.

// moment is a time as it is shown: relative, and exact on hover and in markup.
// Lasting says for how long what began then has been so. The zero value is shown
// as "never".
type moment struct{ ISO, Exact, Text, Lasting string }

// at returns how t is shown at now.
func at(t, now time.Time) moment {
	if t.IsZero() {
		return moment{}
	}
	t = t.UTC()
	text, lasting := relative(t.Sub(now))
	return moment{ISO: t.Format("2006-01-02T15:04:05.000Z"), Exact: t.Format("2006-01-02 15:04:05 UTC"), Text: text, Lasting: lasting}
}

// relative says when something is that is d from now, and how long it has lasted
// if it began then.
func relative(d time.Duration) (text, lasting string) {
	switch span := roughly(d.Abs()); {
	case d.Abs() < 5*time.Second:
		return "just now", "for a moment"
	case d < 0:
		return span + " ago", "for " + span
	default:
		return "in " + span, "in " + span
	}
}

// roughly writes how long something takes, in the units that matter.
func roughly(d time.Duration) string {
	switch {
	case d < time.Minute:
		return strconv.Itoa(int(d.Seconds())) + " s"
	case d < time.Hour:
		return strconv.Itoa(int(d.Minutes())) + " min"
	case d < 10*time.Hour:
		return strings.TrimSuffix(fmt.Sprintf("%d h %d min", int(d.Hours()), int(d.Minutes())%60), " 0 min")
	case d < 48*time.Hour:
		return strconv.Itoa(int(d.Hours())) + " h"
	default:
		return strconv.Itoa(int(d.Hours()/24)) + " days"
	}
}

// The tones of states. Each has a sign of its own beside its colour.
const (
	toneOK   = "ok"
	toneWait = "wait"
	toneBad  = "bad"
	toneIdle = "idle"
)

// state is a state in a word.
type state struct{ Tone, Word string }

func webhookState(s webhook.State) state {
	switch s {
	case webhook.StateHealthy:
		return state{toneOK, "healthy"}
	case webhook.StateFailing:
		return state{toneBad, "failing"}
	case webhook.StateDisabled:
		return state{toneIdle, "disabled"}
	case webhook.StateNeverCalled:
	}
	return state{toneWait, "never called"}
}

func deliveryState(d webhook.Delivery) state {
	word := d.Status.String()
	if d.Test {
		word += " (test)"
	}
	switch {
	case d.Status == webhook.StatusDelivered:
		return state{toneOK, word}
	case d.Status == webhook.StatusFailed:
		return state{toneBad, word}
	case d.Status.Open():
		return state{toneWait, word}
	}
	return state{toneIdle, word}
}

// address is a URL that a page breaks between its parts where it is too long for
// a line, rather than within a word.
type address string

// Parts returns the parts, which end with what separates them.
func (a address) Parts() []string {
	var parts []string
	rest := string(a)
	for rest != "" {
		end := len(rest)
		if i := strings.IndexAny(rest, "/?&"); i >= 0 {
			end = i + len(rest[i:]) - len(strings.TrimLeft(rest[i:], "/?&"))
		}
		parts, rest = append(parts, rest[:end]), rest[end:]
	}
	return parts
}

// note is a remark on a page. News is read out when it appears.
type note struct{ Tone, Title, Text string }

// empty is what is shown where there is nothing: what to do next.
type empty struct {
	Title, Text, Link, Action string
	Main                      bool
}

// field is a field of a form, with what was typed and what is wrong with it.
type field struct {
	Name, Label, Hint, Value, Wrong string
	Inputmode                       string
	// Type is that of the choices: "radio" or "checkbox". Single has them one
	// below the other.
	Type    string
	Single  bool
	Choices []choice
}

type choice struct {
	Value, Label string
	Chosen       bool
	// Taken says that it cannot be chosen. Note says why, or more of it.
	Taken bool
	Note  string
}

// failures returns the fields in which something is wrong.
func failures(fields ...field) []field {
	var found []field
	for _, f := range fields {
		if f.Wrong != "" {
			found = append(found, f)
		}
	}
	return found
}

// code is text to copy. Of says what it belongs to, where several have one
// title, and Label what it is folded under. Key says that it is a signing key.
type code struct {
	ID, Label, Title, Of, Text string
	Key                        bool
}

// event is an entry of a timeline.
type event struct {
	Tone, Title string
	At          moment
	Notes       []string
	Reason      string
	Response    string
}

// strip is a bar of deliveries by outcome, the latest on the right.
type strip struct {
	Text  string
	Ticks []ticks
}

// ticks are the deliveries of one outcome.
type ticks struct{ Tone, Path string }

// The strip's measures, those of its viewBox without the line below.
const (
	stripWidth  = 288
	stripHeight = 24
	stripTicks  = 48
)

// tickHeights tell outcomes apart without colour. What waits is an outline.
var tickHeights = map[string]int{toneOK: 12, toneBad: stripHeight, toneWait: 12, toneIdle: 4}

// newStrip draws the latest deliveries of a list, which has the latest event
// first. It leaves out tests. more says that the list was cut off.
func newStrip(list iter.Seq[webhook.Delivery], more bool) strip {
	total, counts, paths := 0, map[string]int{}, map[string]*strings.Builder{}
	for d := range list {
		if d.Test {
			continue
		}
		tone := deliveryState(d).Tone
		counts[tone]++
		if total++; total > stripTicks {
			continue
		}
		if paths[tone] == nil {
			paths[tone] = &strings.Builder{}
		}
		const step = stripWidth / stripTicks
		x, height := stripWidth-total*step+1, tickHeights[tone]
		if tone == toneWait {
			fmt.Fprintf(paths[tone], "M%d.5 %d.5h3v%dh-3z", x, stripHeight-height, height-1)
		} else {
			fmt.Fprintf(paths[tone], "M%d %dh4v%dh-4z", x, stripHeight-height, height)
		}
	}
	s := strip{Text: stripText(total, counts, more)}
	for _, tone := range []string{toneOK, toneBad, toneWait, toneIdle} {
		if paths[tone] != nil {
			s.Ticks = append(s.Ticks, ticks{tone, paths[tone].String()})
		}
	}
	return s
}

func stripText(total int, counts map[string]int, more bool) string {
	switch {
	case total == 0 && more:
		return "None among the account’s latest deliveries"
	case total == 0:
		return "No deliveries in the last day"
	}
	text := number(total) + " in the last day: "
	if more {
		text = "At least " + text
	}
	var parts []string
	for _, part := range []struct{ tone, word string }{{toneOK, "delivered"}, {toneBad, "failed"}, {toneWait, "waiting"}, {toneIdle, "cancelled"}} {
		if n := counts[part.tone]; n > 0 {
			parts = append(parts, number(n)+"\u00a0"+part.word) // which no line parts
		}
	}
	text += strings.Join(parts, ", ")
	return text
}

// number writes n with commas between thousands.
func number(n int) string {
	text := strconv.Itoa(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// duration writes how long an attempt took.
func duration(d time.Duration) string {
	if d < time.Second {
		return fmt.Sprintf("%d ms", d.Milliseconds())
	}
	return fmt.Sprintf("%.1f s", d.Seconds())
}
