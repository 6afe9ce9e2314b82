package main

import (
	"encoding/json"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/hookline/hookline/infra/cost/logsize"
	"github.com/hookline/hookline/infra/cost/price"
	"github.com/hookline/hookline/pkg/api/all"
)

// root is the top of the checkout, seen from this package's folder.
const root = "../.."

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, path))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// The tables of docs/cost.md are what the command prints.
func TestPageHasTheTables(t *testing.T) {
	var printed strings.Builder
	if err := run(nil, &printed, io.Discard); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(read(t, "docs/cost.md"), "\n"+printed.String()) {
		t.Errorf("docs/cost.md has other tables than `go run ./infra/cost` prints:\n%s", &printed)
	}
}

// The parts and totals are those of a calculation by hand, at prices that make
// it easy.
func TestBills(t *testing.T) {
	easy := prices{price.Region{
		Writes: 1000, Reads: 100, Stored: 3, Backup: 1, Invocations: 10, Compute: 0.001, Requests: 20,
		Messages: 4, Groups: 1, Events: 8, Logs: 50, Alarm: 0.1, Metric: 0.3, Key: 1, Traffic: 7,
	}}
	one, bulk := usual, usual.inBulk()
	for _, tt := range []struct {
		name string
		got  bill // of a million, or of a month
		want bill
	}{
		// 0.25 GB for 10 ms are 2,500 GB-seconds in a million; lines of 260 and 130
		// bytes with 26 each are 0.442 GB; answers of 1 KB are 1 GB.
		{"registrations", easy.registration(one).times(million), bill{1000, 10 + 2.5, 20, 0, 22.1, 7}},
		// Table and index take 4 units and the reads 5. A record of 1.1 KB for 8
		// days of 30. publish takes 0.5 GB for 20 ms and deliver 0.5 for 320.
		// Three requests to SQS. Lines of publish, gateway and deliver.
		{"deliveries", easy.delivery(one).times(million), bill{
			4000 + 500 + 1.1*4*8/30, 10 + 10 + 10 + 160, 20, 15, 22.1 + 14.3, 7 + 21,
		}},
		// A hundredth of a request, a tenth of a batch. Sending takes a tenth of a
		// request to SQS, receiving and deleting too. A line for each attempt.
		{"deliveries in bulk", easy.delivery(bulk).times(million), bill{
			4000 + 500 + 1.1*4*8/30, 0.2 + 17, 0.2, 1.5, 0.221 + 14.3, 0.07 + 21,
		}},
		{"failures", easy.failure(one).times(million), bill{4000 + 300, 170, 0, 15, 14.3, 21}},
		{"large payloads", easy.large(one).times(million), bill{3000 + 100 + 3*4*8.0/30, 0, 0, 0, 0, 21}},
		// Four units of a transaction and one to remove it; 2.5 reads; an event.
		{"notices", easy.notice().times(million), bill{5000 + 250, 0, 0, 0, 0, 8}},
		// 43,200 looks: half a unit for each of eight parts of each API, and one.
		{"notices, idle", easy.watched(), bill{43200 * 0.0001 * float64(len(all.APIs())*4+1), 0, 0, 0, 0, 0}},
		{"keeping", easy.keeping(one).times(million), bill{4.4, 0, 0, 0, 0, 0}},
		// 43,200 sweeps of 32 reads, in four parts of 30 ms at 1769 MB each; 5 polls of
		// two queues each 20 seconds; 23 metrics of alarms, a metric of ours, a key.
		{"idle", easy.idle(one), bill{43200 * 0.0032, 4*0.432 + 5.184*1769/1024, 0, 2 * 0.648 * 4, 4 * 43200 * 191e-9 * 50, 2.3 + 0.3 + 1}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for part, of := range map[string]func(bill) float64{
				"DynamoDB": func(b bill) float64 { return b.dynamo }, "Lambda": func(b bill) float64 { return b.lambda },
				"API Gateway": func(b bill) float64 { return b.gateway }, "SQS": func(b bill) float64 { return b.sqs },
				"logs": func(b bill) float64 { return b.logs }, "other": func(b bill) float64 { return b.other },
				"together": bill.total,
			} {
				if got, want := of(tt.got), of(tt.want); math.Abs(got-want) > 1e-9*want {
					t.Errorf("%s: %v, want %v", part, got, want)
				}
			}
		})
	}
}

// What the calculation takes from the templates stands there.
func TestTemplatesAreAsAssumed(t *testing.T) {
	template, operations := read(t, "template.yaml"), read(t, "infra/operations.yaml")
	for _, tt := range []struct {
		path string
		want any
	}{
		{"$.Globals.Function.MemorySize", uint64(memory * 1024)},
		{"$.Resources.Deliver.Properties.MemorySize", uint64(deliverMemory * 1024)},
		{"$.Resources.Deliver.Properties.Events.Attempts.Properties.BatchSize", uint64(usual.inBulk().batch)},
		{"$.Resources.DeliverSlow.Properties.MemorySize", uint64(deliverMemory * 1024)},
		{"$.Resources.Publish.Properties.MemorySize", uint64(publishMemory * 1024)},
		{"$.Resources.Sweep.Properties.MemorySize", uint64(sweepMemory * 1024)},
		{"$.Resources.Sweep.Properties.Events.EachMinute.Properties.Schedule", "rate(1 minute)"},
		{"$.Parameters.Architecture.Default", "arm64"},
		{"$.Parameters.SystemLogLevel.Default", "WARN"}, // else Lambda logs each invocation
	} {
		path, err := yaml.PathString(tt.path)
		if err != nil {
			t.Fatal(err)
		}
		var got any
		if err := path.Read(strings.NewReader(template), &got); err != nil || got != tt.want {
			t.Errorf("%s is %v, %v; want %v", tt.path, got, err, tt.want)
		}
	}
	if got := strings.Count(template, "            Schedule: rate(1 minute)\n"); got != sweepParts {
		t.Errorf("template.yaml has %d schedules, want %d", got, sweepParts)
	}
	if got := strings.Count(template, "          Type: SQS\n"); got != lanes {
		t.Errorf("template.yaml has %d queues that are worked off, want %d", got, lanes)
	}
	if got := strings.Count(operations, "    Type: AWS::Logs::MetricFilter\n"); got != filters {
		t.Errorf("infra/operations.yaml makes %d metric filters, want %d", got, filters)
	}
	// An alarm names its metric, or each of those that its expression has.
	alarming := operations[strings.Index(operations, "  # ---- Alarms ----"):strings.Index(operations, "  # ---- Dashboard ----")]
	if got := strings.Count(alarming, " MetricName: "); got != alarms {
		t.Errorf("the alarms of infra/operations.yaml watch %d metrics, want %d", got, alarms)
	}
}

// A line of the gateway is as long as is charged, and all lines of a million
// registrations cost less than a quarter of a dollar.
func TestLogs(t *testing.T) {
	path, err := yaml.PathString("$.Resources.Api.Properties.AccessLogSettings.Format")
	if err != nil {
		t.Fatal(err)
	}
	var line string
	if err := path.Read(strings.NewReader(read(t, "template.yaml")), &line); err != nil {
		t.Fatal(err)
	}
	line = strings.NewReplacer(
		"$context.requestId", "UaX04hYqFiAEJdw=", "$context.routeKey", "POST /v1/webhooks/register", "$context.status", "201",
		"$context.integrationStatus", "200", "$context.error.responseType", "-",
	).Replace(line)
	if strings.Contains(line, "$") || !json.Valid([]byte(line)) || len(line) > logsize.Access || len(line) < logsize.Access-10 {
		t.Errorf("charged are %d bytes for the gateway's %d: %s", logsize.Access, len(line), line)
	}
	b := prices{price.Regions[0]}.registration(usual).times(million)
	if b.logs >= 0.25 {
		t.Errorf("logs of a million registrations cost %.2f of %.2f dollars", b.logs, b.total())
	}
	with := usual
	with.platform = logsize.Platform
	if got := (prices{price.Regions[0]}).registration(with).times(million); got.logs <= 2*b.logs {
		t.Errorf("with Lambda's own lines, logs cost %.2f, else %.2f", got.logs, b.logs)
	}
}

// Flags change what is printed, and wrong ones are refused.
func TestRun(t *testing.T) {
	var one, other strings.Builder
	if err := run(nil, &one, io.Discard); err != nil {
		t.Fatal(err)
	}
	if err := run([]string{"-answer", "2s"}, &other, io.Discard); err != nil || one.String() == other.String() {
		t.Errorf("slower receivers change nothing: %v", err)
	}
	for _, args := range [][]string{{"-batch", "0"}, {"-batch", "11"}, {"-events", "101"}, {"more"}, {"-no"}} {
		if err := run(args, io.Discard, io.Discard); err == nil {
			t.Errorf("%v is not refused", args)
		}
	}
}
