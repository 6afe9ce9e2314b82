// Command cost works out what Hookline costs on AWS: a million registrations, a
// million deliveries, an idle month. The request units are those that the tests
// count, the sizes those of the templates, the prices AWS's list prices as they
// stand in price/price.go, and all else is assumed and can be given as a flag.
//
// Without flags it prints the tables of docs/cost.md, which its test holds
// to it.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/hookline/hookline/infra/cost/logsize"
	"github.com/hookline/hookline/infra/cost/price"
)

func main() {
	if err := run(os.Args[1:], os.Stdout, os.Stderr); err != nil {
		if !errors.Is(err, flag.ErrHelp) {
			fmt.Fprintln(os.Stderr, err)
		}
		os.Exit(2)
	}
}

// run prints the tables with the assumptions that the arguments change.
func run(args []string, stdout, stderr io.Writer) error {
	a := usual
	flags := flag.NewFlagSet("cost", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.IntVar(&a.events, "events", a.events, "events in one request to publish")
	flags.IntVar(&a.batch, "batch", a.batch, "messages that deliver is handed at once, 1 to 10")
	flags.DurationVar(&a.register, "register", a.register, "duration of a registration")
	flags.DurationVar(&a.publish, "publish", a.publish, "duration of a request to publish")
	flags.DurationVar(&a.responseTime, "answer", a.responseTime, "time until a receiver answers")
	flags.DurationVar(&a.outcomeTime, "outcome", a.outcomeTime, "duration of an attempt beside that")
	flags.Float64Var(&a.sent, "sent", a.sent, "bytes that leave for a receiver at an attempt")
	flags.Float64Var(&a.platform, "platform-logs", a.platform, fmt.Sprintf("bytes that Lambda logs about an invocation: about %d with SystemLogLevel INFO", logsize.Platform))
	if err := flags.Parse(args); err != nil {
		return err
	}
	if a.events < 1 || a.events > 100 || a.batch < 1 || a.batch > 10 || flags.NArg() > 0 {
		return errors.New("events are 1 to 100 in a request, messages 1 to 10 in a batch, and there are only flags")
	}
	for i, region := range price.Regions {
		if i > 0 {
			fmt.Fprintln(stdout)
		}
		p := prices{region}
		p.print(stdout, a)
	}
	return nil
}

// row is a line of a table.
type row struct {
	what string
	bill
}

// rows are what is worked out.
func (p prices) rows(a assumptions) []row {
	return []row{
		{"1,000,000 registrations of one event", p.registration(a).times(million)},
		{"1,000,000 deliveries, one by one", p.delivery(a).times(million)},
		{"1,000,000 deliveries, in bulk", p.delivery(a.inBulk()).times(million)},
		{"more for payloads of 3 KB", p.large(a).times(million)},
		{"more for Squake's statistics", p.used(marking).times(million)},
		{"more for 1,000,000 failed attempts, one by one", p.failure(a).times(million)},
		{"more for 1,000,000 notices", p.notice().times(million)},
		{"keeping 1,000,000 webhooks, a month", p.keeping(a).times(million)},
		{"an idle month", p.idle(a)},
		{"more for notices, an idle month", p.watched()},
	}
}

// print writes a region's table in Markdown.
func (p prices) print(w io.Writer, a assumptions) {
	fmt.Fprintf(w, "| %s, US dollars | DynamoDB | Lambda | API Gateway | SQS | logs | other | together |\n", p.Name)
	fmt.Fprintln(w, "|---|---|---|---|---|---|---|---|")
	for _, r := range p.rows(a) {
		fmt.Fprintf(w, "| %s | %.2f | %.2f | %.2f | %.2f | %.2f | %.2f | **%.2f** |\n",
			r.what, r.dynamo, r.lambda, r.gateway, r.sqs, r.logs, r.other, r.total())
	}
}
