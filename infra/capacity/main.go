// Command capacity works out what a stack on AWS carries, by a simulation of it
// (package fleet).
//
// Without arguments it prints the tables of docs/capacity.md, which its test holds
// to it; "plot" writes that page's picture, "run" simulates a mix of your own, and
// "measure" takes the CPU times that all of it uses, which measured.json has.
package main

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/alecthomas/kong"

	"github.com/hookline/hookline/infra/capacity/fleet"
	"github.com/hookline/hookline/infra/cost/price"
)

func main() {
	if err := run(os.Args[1:], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "capacity:", err)
		os.Exit(1)
	}
}

// commands is the command line.
type commands struct {
	Tables  struct{}   `cmd:"" default:"1" help:"Print the tables of docs/capacity.md. This takes a minute or two."`
	Plot    struct{}   `cmd:"" help:"Write the picture of docs/capacity.md, as SVG."`
	Run     runCommand `cmd:"" help:"Simulate a mix and settings of your own."`
	Measure struct{}   `cmd:"" help:"Measure the CPU time of attempts, leases and publications. Needs make tools."`
	Remote  struct{}   `cmd:"" hidden:"" help:"Be the other side of measure."`
}

// run carries out a command line.
func run(args []string, stdin io.Reader, stdout io.Writer) error {
	var given commands
	asked := false
	parser, err := kong.New(&given, kong.Name("capacity"), kong.Writers(stdout, stdout), kong.Exit(func(int) { asked = true }))
	if err != nil {
		return err
	}
	command, err := parser.Parse(args)
	if asked {
		return nil
	}
	if err != nil {
		return err
	}
	switch command.Command() {
	case "plot":
		return plot(stdout)
	case "run":
		return given.Run.run(stdout)
	case "measure":
		m, err := measure(context.Background())
		if err != nil {
			return err
		}
		encoder := json.NewEncoder(stdout)
		encoder.SetIndent("", "  ")
		return encoder.Encode(m)
	case "remote":
		return beRemote(stdin, stdout)
	}
	for _, t := range tables() {
		if err := t.print(stdout); err != nil {
			return err
		}
	}
	return nil
}

//go:embed measured.json
var measuredFile []byte

// reserve is how many times as long the simulation takes Hookline's own work to
// be as it was measured: a vCPU of Lambda may be slower than the measured
// machine's, and DynamoDB is asked over TLS.
const reserve = 2

// work returns what Hookline's own code costs in simulations.
func work() (fleet.Work, error) {
	var m measurement
	if err := json.Unmarshal(measuredFile, &m); err != nil {
		return fleet.Work{}, fmt.Errorf("measured.json: %w", err)
	}
	us := func(n int64) time.Duration { return time.Duration(n) * time.Microsecond * reserve }
	return fleet.Work{Attempt: us(m.Attempt), Lease: us(m.Lease), Publication: us(m.Publication)}, nil
}

// runCommand simulates what its flags say.
type runCommand struct {
	Rate     float64       `default:"1000" help:"Deliveries a second."`
	Hanging  float64       `default:"0.05" help:"Share of the webhooks whose receivers hang."`
	Dead     float64       `default:"0" help:"Share of those that refuse connections."`
	Fast     int           `default:"150" help:"Batches at once in the fast lane (DeliverConcurrency)."`
	Slow     int           `default:"110" help:"Batches at once in the slow lane (SlowConcurrency)."`
	Memory   int           `default:"512" help:"Memory of the slow lane's function, in MB."`
	Account  int           `default:"1000" help:"The account's quota of concurrent executions."`
	Events   int           `default:"10" help:"Events in a request to publish."`
	Daily    bool          `help:"Each webhook gets one event a day."`
	Fresh    bool          `help:"No webhook has a record yet."`
	HandOver bool          `help:"The fast lane hands attempts over that pass two seconds."`
	Seed     uint64        `default:"1"`
	For      time.Duration `default:"15m" help:"How long to simulate."`
}

func (c runCommand) run(stdout io.Writer) error {
	l, err := load(c.Rate, c.Hanging)
	if err != nil {
		return err
	}
	w, err := work()
	if err != nil {
		return err
	}
	l.Dead, l.Events, l.Fresh = c.Dead, c.Events, c.Fresh
	if c.Daily {
		l = daily(l)
	}
	set := stack(c.Fast, c.Slow)
	set.Slow.Memory, set.Account, set.HandOver = c.Memory, c.Account, c.HandOver
	r := fleet.Simulate(set, l, w, c.Seed, c.For/3, c.For)
	_, err = fmt.Fprintf(stdout, "healthy receivers: p50 %s, p99 %s\n", shown(r.Healthy(50)), shown(r.Healthy(99)))
	for i, u := range r.Lanes {
		last := r.Minutes[len(r.Minutes)-1]
		fmt.Fprintf(stdout, "lane %d: %d batches at once at most, of %.0f messages; %d messages wait, the first for %s\n",
			i+1, u.Busiest, float64(u.Messages)/float64(u.Batches), last.Backlog[i], shown(last.Oldest[i]))
	}
	fmt.Fprintf(stdout, "attempts %d, of them handed over %d; leases %d; events refused %d\na million: %.2f dollars in %s\n",
		r.Attempts(), r.HandedOver, r.Leases, r.Refused, perMillion(r, price.Regions[0]), price.Regions[0].Name)
	return err
}
