package receiver

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/fatih/color"

	"github.com/hookline/hookline/pkg/terminal"
)

// palette has the colours of a delivery's parts, if they have any.
type palette struct {
	title, good, bad, note, quiet func(...any) string
	json                          terminal.Colours
}

func newPalette(coloured bool) palette {
	paint := func(attributes ...color.Attribute) func(...any) string {
		c := color.New(attributes...)
		if coloured {
			c.EnableColor()
		} else {
			c.DisableColor()
		}
		return c.Sprint
	}
	return palette{
		title: paint(color.Bold),
		good:  paint(color.FgGreen, color.Bold),
		bad:   paint(color.FgRed, color.Bold),
		note:  paint(color.FgYellow),
		quiet: paint(color.Faint),
		json: terminal.Colours{
			Name:   paint(color.FgBlue),
			Text:   paint(color.FgGreen),
			Number: paint(color.FgCyan),
			Word:   paint(color.FgMagenta),
		},
	}
}

// milliseconds is the form of times.
const milliseconds = "2006-01-02T15:04:05.000Z07:00"

// Maximum lengths, in bytes, of received texts in one line of output.
const (
	maxHeaderText = 1 << 10
	maxWordText   = 256
)

// Text returns a function that writes every delivery to w for people, in colour
// or not. A delivery cannot make a terminal do anything but show it.
func Text(w io.Writer, coloured bool) func(Delivery) error {
	colours := newPalette(coloured)
	if !coloured { // what was received is escaped in any case
		w = terminal.NewWriter(w)
	}
	return func(d Delivery) error {
		var out strings.Builder
		showHead(&out, d, colours)
		showHeader(&out, d, colours)
		if d.Body != nil {
			showBody(&out, d.Body, colours)
		}
		paint := colours.quiet
		if d.Response.Forwarded != nil && d.Response.Status >= http.StatusMultipleChoices {
			paint = colours.note
		}
		out.WriteString(indent + paint(terminal.Cut(d.Response.String(), maxHeaderText)) + "\n\n")
		if _, err := io.WriteString(w, out.String()); err != nil {
			return fmt.Errorf("write a delivery: %w", err)
		}
		return nil
	}
}

// showHead writes what was received, about what, and whether it is verified.
func showHead(out *strings.Builder, d Delivery, colours palette) {
	out.WriteString(d.At.UTC().Format(milliseconds) + " " + colours.title(terminal.Cut(d.Method+" "+d.Path, maxHeaderText)))
	eventKey := d.origin()
	if eventKey.event != "" {
		out.WriteString("  event " + colours.title(terminal.Cut(eventKey.event, maxWordText)))
	}
	if eventKey.account != "" {
		out.WriteString("  account " + colours.title(terminal.Cut(eventKey.account, maxWordText)))
	}
	if d.Seen > 1 {
		out.WriteString("  " + colours.note(fmt.Sprintf("again (attempt %d seen)", d.Seen)))
	}
	out.WriteString("\n")
	for _, scheme := range d.verified() {
		out.WriteString(indent + colours.good("verified ("+scheme+")") + "\n")
	}
	for _, err := range d.Errors() {
		if d.Unkeyed {
			out.WriteString(indent + colours.note("not checked: "+err.Error()) + "\n")
			continue
		}
		out.WriteString(indent + colours.bad("NOT VERIFIED: "+err.Error()) + "\n")
	}
}

// shownHeaders are the prefixes of the headers to show, in this order.
var shownHeaders = []string{"Webhook-", "Squake-", "Shoptet-", "Content-Type", "User-Agent"}

// showHeader writes the headers that matter to a receiver.
func showHeader(out *strings.Builder, d Delivery, colours palette) {
	names := slices.Sorted(maps.Keys(d.Header))
	for _, prefix := range shownHeaders {
		for _, name := range names {
			if !strings.HasPrefix(name, prefix) {
				continue
			}
			for _, value := range d.Header[name] {
				out.WriteString(indent + colours.quiet(terminal.Cut(wireName(name), maxWordText)+":") + " " + terminal.Cut(value, maxHeaderText))
				if name == timestampHeader {
					out.WriteString(colours.quiet(timestampNote(d)))
				}
				out.WriteString("\n")
			}
		}
	}
}

// timestampNote says how old a delivery's timestamp is, if it is one.
func timestampNote(d Delivery) string {
	at, inMilliseconds, err := timestamp(d.Header)
	switch {
	case err != nil:
		return ""
	case inMilliseconds:
		return " (milliseconds; " + age(d.At.Sub(at)) + ")"
	}
	return " (" + age(d.At.Sub(at)) + ")"
}

// age formats how long ago something was.
func age(d time.Duration) string {
	d = d.Truncate(time.Second)
	if d < 0 {
		return (-d).String() + " ahead"
	}
	return d.String() + " ago"
}
