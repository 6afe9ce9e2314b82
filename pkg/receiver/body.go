package receiver

import (
	"strings"

	"github.com/hookline/hookline/pkg/terminal"
)

const indent = terminal.Margin

// showBody writes a body: JSON indented, other text line by line.
func showBody(out *strings.Builder, body []byte, colours palette) {
	switch {
	case len(body) == 0:
		out.WriteString(indent + colours.quiet("(no body)") + "\n")
	case terminal.WriteJSON(out, body, colours.json, cutShort(colours)):
		out.WriteString("\n")
	default:
		showText(out, string(body), colours)
	}
}

// showText writes a body that is not JSON.
func showText(out *strings.Builder, body string, colours palette) {
	end := out.Len() + terminal.MaxShown
	for line := range strings.Lines(body) {
		if out.Len() >= end {
			out.WriteString(indent + cutShort(colours) + "\n")
			return
		}
		line = strings.ReplaceAll(strings.TrimRight(line, "\r\n"), "\t", "    ")
		out.WriteString(indent + terminal.Cut(line, end-out.Len()) + "\n")
	}
}

func cutShort(colours palette) string {
	return colours.quiet("… (cut here; --json shows it whole)")
}
