package main

import (
	"fmt"
	"io"

	"github.com/go-analyze/charts" //nolint:misspell // its name

	"github.com/hookline/hookline/infra/capacity/fleet"
)

// plot writes what a large customer's hour looks like, as SVG.
func plot(w io.Writer) error {
	work, err := work()
	if err != nil {
		return err
	}
	r, err := outbreaks[0].simulate(work)
	if err != nil {
		return err
	}
	svg, err := picture(r)
	if err != nil {
		return err
	}
	_, err = w.Write(svg)
	return err
}

// picture draws the minutes of a simulation: batches under way in each lane, and
// the p99 of healthy receivers.
func picture(r fleet.Result) ([]byte, error) {
	values := make([][]float64, 3)
	var minutes []string
	for i, m := range r.Minutes {
		minutes = append(minutes, fmt.Sprint(i+1))
		for k, v := range []float64{float64(m.Busy[0]), float64(m.Busy[1]), m.P99.Seconds()} {
			values[k] = append(values[k], v)
		}
	}
	chart := charts.NewLineChartOptionWithData(values)
	chart.Title.Text = "30 % of 1,000 deliveries a second hang for an hour"
	chart.Legend.SeriesNames = []string{"fast lane, batches", "slow lane, batches", "p99 of the others, seconds"}
	chart.Legend.Offset = charts.OffsetStr{Top: "30"}
	chart.XAxis = charts.XAxisOption{Title: "minutes", Labels: minutes, LabelCount: 10}
	chart.YAxis = make([]charts.YAxisOption, 2)
	chart.SeriesList[2].YAxisIndex = 1
	chart.Symbol = charts.Symbol{Shape: charts.SymbolNone}
	painter := charts.NewPainter(charts.PainterOptions{OutputFormat: charts.ChartOutputSVG, Width: 900, Height: 400})
	if err := painter.LineChart(chart); err != nil {
		return nil, err
	}
	return painter.Bytes()
}
