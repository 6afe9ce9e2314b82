package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/hookline/hookline/pkg/webhook"
)

// BenchmarkMetrics compares a server that measures and is scraped with one that
// does not, in short turns, so that both have the same machine: durable
// registrations, and refusals, which store nothing and take the least time.
func BenchmarkMetrics(b *testing.B) {
	for name, request := range map[string]benchRequest{
		"registrations": {path: "/v1/webhooks/register", body: oneEvent("bench.trip." + benchDigits), want: http.StatusCreated},
		"refusals":      {path: "/v1/webhooks/register", body: `{"url":"` + benchDigits + `"}`, want: http.StatusBadRequest},
	} {
		b.Run(name, func(b *testing.B) { compareMetrics(b, request) })
	}
}

// benchTurns is how many turns each of two servers has.
const benchTurns = 40

func compareMetrics(b *testing.B, request benchRequest) {
	var servers [2]*instance
	var requests [2][]benchRequest
	var clients [2][]*benchClient
	for i, flags := range [][]string{nil, {"--metrics-listen", "0"}} {
		data := b.TempDir()
		log, err := os.Create(filepath.Join(data, "log"))
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { _ = log.Close() })
		servers[i] = bootTo(b, log, data, flags...)
		for number := range benchClients {
			own := request
			for n := range 2*b.N/benchClients/webhook.MaxWebhooks + 1 {
				account := fmt.Sprintf("abbeycross:bench-%d-%d", number, n)
				dataDir{data: data}.run(b, "account", "create", account)
				own.tokens = append(own.tokens, dataDir{data: data}.run(b, "token", "create", "--account", account))
			}
			own.token = own.tokens[0]
			requests[i] = append(requests[i], own)
		}
	}
	for i := range clients { // when all else is done, or connections would be idle for too long
		clients[i] = newBenchClients(b, servers[i].URL, func(number int) benchRequest { return requests[i][number] })
	}
	scraper := newClient(b)
	var ratios []float64
	b.ResetTimer()
	for turn := range benchTurns {
		var rates [2]float64
		for n := range rates {
			i := (turn + n) % 2 // each is first in every other turn
			rates[i], _ = measure(b, clients[i], max(b.N/benchTurns, 1))
		}
		ratios = append(ratios, rates[1]/rates[0])
		scrape(b, scraper, servers[1].Metrics)
	}
	slices.Sort(ratios)
	b.ReportMetric(ratios[len(ratios)/2], "of-unmeasured")
}
