package dashboard

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"image"
	"image/color"
	"image/png"
	"maps"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/go-analyze/charts" //nolint:misspell // its name
)

// Line is a series as a panel shows it: a value at each of the picture's times,
// NaN where there is none.
type Line struct {
	Name   string
	Values []float64
}

// The picture's measures in pixels: Width as a whole, the rest of parts.
const (
	Width  = 1000
	column = Width / 24.
	line   = 23 // of the grid
	gap    = 6
	frame  = 64 // title and legend of a panel, and its rim
)

//go:embed page.html
var page string

// Page draws a dashboard as a page of HTML without scripts: its panels in
// their places, each with its lines, which are given by its title.
func Page(d Dashboard, times []time.Time, lines map[string][]Line) ([]byte, error) {
	type entry struct{ Name, Color string }
	type box struct {
		Panel
		Left, Top, Width, Height float64
		Chart                    template.HTML
		Legend                   []entry
	}
	var colours []charts.Color
	for _, hex := range palette {
		colours = append(colours, charts.ColorFromHex(hex))
	}
	theme := charts.GetTheme(charts.ThemeLight).WithSeriesColors(colours)
	var boxes []box
	bottom := 0.
	for _, p := range d.Panels {
		b := box{Panel: p, Left: float64(p.Grid.X)*column + gap/2, Top: float64(p.Grid.Y) * line,
			Width: float64(p.Grid.W)*column - gap, Height: float64(p.Grid.H*line - gap)}
		bottom = max(bottom, b.Top+b.Height+gap)
		if p.Type != "row" {
			svg, err := draw(theme, p, int(b.Width)-16, int(b.Height)-frame, times, lines[p.Title])
			if err != nil {
				return nil, fmt.Errorf("panel %q: %w", p.Title, err)
			}
			b.Chart = template.HTML(svg)
		}
		for i, l := range lines[p.Title] {
			b.Legend = append(b.Legend, entry{l.Name, palette[i%len(palette)]})
		}
		boxes = append(boxes, b)
	}
	var html bytes.Buffer
	err := template.Must(template.New("").Parse(page)).Execute(&html, map[string]any{
		"Title": d.Title, "Boxes": boxes, "Width": Width, "Bottom": bottom,
	})
	return html.Bytes(), err
}

// palette has colours of Grafana, those that stand out from white.
var palette = []string{"#56A64B", "#3274D9", "#E0B400", "#E02F44", "#8F3BB8", "#FF780A", "#1F9EA3", "#7A7A7A", "#B877D9"}

// draw draws the lines of a panel as SVG.
func draw(theme charts.ColorPalette, p Panel, width, height int, times []time.Time, lines []Line) ([]byte, error) {
	format, err := formatter(p.FieldConfig.Defaults.Unit)
	if err != nil {
		return nil, err
	}
	values, labels, highest := make([][]float64, len(lines)), make([]string, len(times)), 0.
	for i, l := range lines {
		for _, v := range l.Values {
			if math.IsNaN(v) {
				values[i] = append(values[i], charts.GetNullValue())
				continue
			}
			values[i], highest = append(values[i], v), max(highest, v)
		}
	}
	for i, at := range times {
		labels[i] = at.Format("15:04:05")
	}
	chart := charts.NewLineChartOptionWithData(values)
	chart.Theme = theme
	chart.Padding = charts.Box{Top: 9, Right: 14, IsSet: true}
	chart.Legend.Show = charts.Ptr(false)
	small := charts.FontStyle{FontSize: 8}
	chart.XAxis = charts.XAxisOption{Labels: labels, LabelCount: max(width/110, 2), LabelFontStyle: small}
	top, parts := scale(highest, p.FieldConfig.Defaults.Unit)
	chart.YAxis = []charts.YAxisOption{{
		Min: charts.Ptr(0.), Max: &top, LabelCount: parts + 1, PreferNiceIntervals: charts.Ptr(false),
		LabelFontStyle: small, ValueFormatter: format,
	}}
	chart.Symbol = charts.Symbol{Shape: charts.SymbolNone}
	chart.LineStrokeWidth = 1.3
	painter := charts.NewPainter(charts.PainterOptions{OutputFormat: charts.ChartOutputSVG, Width: width, Height: height})
	if err := painter.LineChart(chart); err != nil {
		return nil, err
	}
	return painter.Bytes()
}

// Smaller returns a picture in the 256 colours that it has most of, as PNG; others
// become the nearest of them.
func Smaller(picture []byte) ([]byte, error) {
	from, err := png.Decode(bytes.NewReader(picture))
	if err != nil {
		return nil, err
	}
	pixels := map[color.Color]int{}
	each := func(do func(x, y int)) {
		for y := range from.Bounds().Dy() {
			for x := range from.Bounds().Dx() {
				do(x, y)
			}
		}
	}
	each(func(x, y int) { pixels[from.At(x, y)]++ })
	most := slices.SortedFunc(maps.Keys(pixels), func(a, b color.Color) int { return pixels[b] - pixels[a] })
	to := image.NewPaletted(from.Bounds(), most[:min(len(most), 256)])
	for c := range pixels {
		pixels[c] = to.Palette.Index(c)
	}
	each(func(x, y int) { to.SetColorIndex(x, y, uint8(pixels[from.At(x, y)])) })
	var small bytes.Buffer
	err = (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&small, to)
	return small.Bytes(), err
}

// scale returns where an axis ends that begins at 0, and into how many parts it
// is divided, each of which is a round number as the unit is written.
func scale(highest float64, unit string) (top float64, parts int) {
	if highest == 0 {
		return 1, 2
	}
	base := 1.
	for unit == "bytes" && highest >= 1024*base {
		base *= 1024
	}
	if unit == "s" && highest >= 60 {
		base = 60
	}
	base *= math.Pow(10, math.Floor(math.Log10(highest/base))-1)
	for _, n := range []float64{2.5, 5, 10, 15, 20, 25, 50} {
		if part := n * base; highest < 4*part {
			parts = int(math.Floor(highest/part)) + 1 // no line is at the rim
			return float64(parts) * part, parts
		}
	}
	return 100 * base, 2
}

// formatter returns how Grafana writes values of a unit.
func formatter(unit string) (func(float64) string, error) {
	// scaled divides by the largest of the sizes that is not larger.
	scaled := func(v float64, sizes []float64, names []string) string {
		i := slices.Index(sizes, 1) // of 0
		if v > 0 {
			i = 0
		}
		for i < len(sizes)-1 && v >= sizes[i+1] {
			i++
		}
		return strconv.FormatFloat(math.Round(100*v/sizes[i])/100, 'f', -1, 64) + names[i]
	}
	short := func(v float64) string { return scaled(v, []float64{1, 1e3, 1e6}, []string{"", " K", " Mil"}) }
	switch unit {
	case "short":
		return short, nil
	case "reqps":
		return func(v float64) string { return short(v) + " req/s" }, nil
	case "cps":
		return func(v float64) string { return short(v) + " c/s" }, nil
	case "percentunit":
		return func(v float64) string { return short(100*v) + "%" }, nil
	case "s":
		return func(v float64) string {
			return scaled(v, []float64{1e-6, 1e-3, 1, 60}, []string{" µs", " ms", " s", " mins"})
		}, nil
	case "bytes":
		return func(v float64) string {
			return scaled(v, []float64{1, 1 << 10, 1 << 20, 1 << 30}, []string{" B", " KiB", " MiB", " GiB"})
		}, nil
	}
	return nil, fmt.Errorf("no way is known to write values of the unit %q", unit)
}
