package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/rivo/uniseg"
	"golang.org/x/term"

	"github.com/hookline/hookline/pkg/terminal"
)

const (
	// columnGap is the space between columns.
	columnGap = 2
	// defaultWidth is that of a terminal that does not tell its own.
	defaultWidth = 80
	ellipsis     = "…"
)

// column describes a column of a table, and how it gives way where the table is
// wider than the terminal: those with a least width shrink down to it, and those
// for which there is no room then are left out, the highest drop first. An id is
// whole.
type column struct {
	name  string
	least int  // the width that it may shrink to, 0 for none
	ends  bool // shrinking keeps the end too, as of a URL
	drop  int  // 0: never left out
}

// screenWidth returns the width of the terminal that w is, 0 if it is none. A
// terminal that does not tell has the width in COLUMNS, or the default.
func screenWidth(w io.Writer, getenv func(string) string) int {
	file, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) {
		return 0
	}
	if width, _, err := term.GetSize(int(file.Fd())); err == nil && width > 0 {
		return width
	}
	if width, err := strconv.Atoi(getenv("COLUMNS")); err == nil && width > 0 {
		return width
	}
	return defaultWidth
}

// width returns the width of the terminal that results go to, 0 if they go
// elsewhere.
func (p *program) width() int { return p.screen(p.stdout, p.getenv) }

// table aligns rows under their heading, for people: one line a row. For a
// terminal it makes them fit.
func (p *program) table(columns []column, rows [][]string) string {
	heading := make([]string, len(columns))
	for i, c := range columns {
		heading[i] = c.name
	}
	cells := [][]string{heading}
	for _, row := range rows {
		escaped := make([]string, len(columns))
		for i, cell := range row {
			escaped[i] = terminal.Escape(cell)
		}
		cells = append(cells, escaped)
	}
	if width := p.width(); width > 0 {
		return fitted(columns, cells, width)
	}
	return aligned(cells)
}

// aligned aligns rows at their full width.
func aligned(rows [][]string) string {
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, columnGap, ' ', 0)
	for _, row := range rows {
		_, _ = fmt.Fprintln(w, strings.TrimRight(strings.Join(row, "\t"), "\t")) // a strings.Builder never fails
	}
	_ = w.Flush()
	return text.String()
}

// fitted aligns rows in a width.
func fitted(columns []column, rows [][]string, width int) string {
	widths := fit(columns, naturalWidths(columns, rows), width)
	var text strings.Builder
	for _, row := range rows {
		var line strings.Builder
		for i, cell := range row {
			if widths[i] == 0 {
				continue
			}
			if line.Len() > 0 {
				line.WriteString(strings.Repeat(" ", columnGap))
			}
			cell = shorten(cell, widths[i], columns[i].ends)
			line.WriteString(cell + strings.Repeat(" ", widths[i]-uniseg.StringWidth(cell)))
		}
		text.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
	return text.String()
}

// naturalWidths returns the width of each column's widest cell.
func naturalWidths(columns []column, rows [][]string) []int {
	widths := make([]int, len(columns))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], uniseg.StringWidth(cell))
		}
	}
	return widths
}

// fit returns the columns' widths in a width, 0 for one that is left out.
func fit(columns []column, natural []int, width int) []int {
	least := slices.Clone(natural)
	var droppable []int
	for i, c := range columns {
		if c.least > 0 {
			least[i] = min(natural[i], c.least)
		}
		if c.drop > 0 {
			droppable = append(droppable, i)
		}
	}
	slices.SortStableFunc(droppable, func(a, b int) int { return columns[a].drop - columns[b].drop })
	widths := slices.Clone(least)
	for _, i := range droppable {
		widths[i] = 0
	}
	for _, i := range droppable {
		if widths[i] = least[i]; total(widths) > width {
			widths[i] = 0
		}
	}
	for room := width - total(widths); room > 0; room-- {
		if narrowest := wanting(widths, natural); narrowest >= 0 {
			widths[narrowest]++
		}
	}
	return widths
}

// wanting returns the narrowest column that is shown and not as wide as it would
// be, -1 if none is.
func wanting(widths, natural []int) int {
	narrowest := -1
	for i, w := range widths {
		if w > 0 && w < natural[i] && (narrowest < 0 || w < widths[narrowest]) {
			narrowest = i
		}
	}
	return narrowest
}

// total returns the width of a line of columns.
func total(widths []int) int {
	sum := -columnGap
	for _, w := range widths {
		if w > 0 {
			sum += w + columnGap
		}
	}
	return sum
}

// shorten cuts text to a width, with an ellipsis at its end or, if both ends
// are to be seen, in its middle, where it leaves a URL's host. It cuts no
// character.
func shorten(text string, width int, ends bool) string {
	if uniseg.StringWidth(text) <= width {
		return text
	}
	if !ends {
		return strings.Join(head(clusters(text), width-1), "") + ellipsis
	}
	parts := clusters(text)
	first := head(parts, min(max(width/2, originWidth(text)), width-1))
	rest := slices.Clone(parts[len(first):])
	slices.Reverse(rest)
	last := head(rest, width-1-uniseg.StringWidth(strings.Join(first, "")))
	slices.Reverse(last)
	return strings.Join(first, "") + ellipsis + strings.Join(last, "")
}

// originWidth returns the width of a URL's scheme and host with the slash behind
// them, 0 if text is none.
func originWidth(text string) int {
	scheme, rest, found := strings.Cut(text, "://")
	if !found {
		return 0
	}
	host, _, _ := strings.Cut(rest, "/")
	return uniseg.StringWidth(scheme+"://"+host) + 1
}

// clusters returns the characters of a text as they are seen.
func clusters(text string) (all []string) {
	for graphemes := uniseg.NewGraphemes(text); graphemes.Next(); {
		all = append(all, graphemes.Str())
	}
	return all
}

// head returns as many of the first clusters as fit a width.
func head(all []string, width int) []string {
	used := 0
	for i, cluster := range all {
		if used += uniseg.StringWidth(cluster); used > width {
			return all[:i]
		}
	}
	return all
}

// listTime formats a time in a list: how long ago it was or how soon it will be
// on a terminal, exactly elsewhere and with --utc. It is "-" if it is nil.
func (p *program) listTime(t *time.Time) string {
	switch {
	case t == nil || t.IsZero():
		return "-"
	case p.flags.UTC || p.width() == 0:
		return timeText(*t)
	}
	return relative(t.Sub(p.now()))
}

// relative formats a time in relation to now.
func relative(d time.Duration) string {
	if d > 0 {
		return "in " + age(d)
	}
	return age(-d) + " ago"
}
