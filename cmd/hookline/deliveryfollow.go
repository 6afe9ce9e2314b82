package main

import (
	"context"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rivo/uniseg"

	"github.com/hookline/hookline/pkg/terminal"
	"github.com/hookline/hookline/pkg/webhook"
)

// followPoll is how often --follow looks.
const followPoll = 2 * time.Second

// seen is what --follow has shown of a delivery.
type seen struct {
	status   string
	attempts int64
}

// follow lists deliveries, oldest event first, and then each that is new or has
// changed, until ctx ends. That is no failure.
func (c *deliveryList) follow(ctx context.Context, p *program, b backend) error {
	shown := map[string]seen{}
	for {
		found, err := c.find(ctx, p, b)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			return err
		}
		latest := map[string]seen{}
		for _, d := range slices.Backward(found.deliveries) {
			latest[d.ID] = seen{d.Status, d.Attempts}
			if shown[d.ID] == latest[d.ID] {
				continue
			}
			if err := p.showFollowed(d); err != nil {
				return err
			}
		}
		shown = latest
		if p.sleep(ctx, followPoll) != nil {
			return nil
		}
	}
}

// showFollowed writes one line, which a terminal's width cuts.
func (p *program) showFollowed(d deliveryResult) error {
	if p.flags.JSON {
		return p.show(d, "")
	}
	at := d.Time
	if d.Last != nil {
		at = *d.Last
	}
	words := []string{timeText(at), d.ID, padded(d.statusText(), statusWidth()), d.Account, d.Event}
	if d.Attempts > 0 {
		words = append(words, "attempt "+strconv.FormatInt(d.Attempts, 10))
	}
	if d.Reason != "" {
		words = append(words, d.Reason)
	}
	line := terminal.Escape(strings.Join(words, "  "))
	if width := p.width(); width > 0 {
		line = shorten(line, width, false)
	}
	_, err := io.WriteString(terminal.NewWriter(p.stdout), line+"\n")
	return err
}

// statusWidth is the length of the longest status.
func statusWidth() (width int) {
	for _, status := range webhook.Statuses() {
		width = max(width, len(status.String()))
	}
	return width
}

// padded fills text up to a width.
func padded(text string, width int) string {
	return text + strings.Repeat(" ", max(0, width-uniseg.StringWidth(text)))
}
