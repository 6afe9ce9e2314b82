package main

import (
	"github.com/hookline/hookline/infra/capacity/fleet"
	"github.com/hookline/hookline/infra/cost/logsize"
	"github.com/hookline/hookline/infra/cost/price"
)

// What a delivery takes beside what the simulation counts, as infra/cost has it.
const (
	publishReads = 2
	attemptReads = 3
	// sent are the bytes of an attempt, responded those of the API's response.
	sent, responded = 3000, 1000
	// stored is a record of 1.1 KB for 8 days of a month of 30, in GB-months.
	stored   = 1.1e-6 * 8 / 30
	gigabyte = 1e9
	million  = 1e6
	// atOnce is how many messages one request to SQS sends.
	atOnce = 10
)

// perMillion is what a million accepted deliveries cost in a simulation, with
// all their attempts, in dollars.
func perMillion(r fleet.Result, p price.Region) float64 {
	accepted, attempts := float64(r.Accepted), float64(r.Attempts())
	events := float64(r.Load.Events)
	requests := accepted / events
	dollars := (r.Writes*p.Writes + (accepted*publishReads+attempts*attemptReads)*p.Reads) / million
	dollars += accepted * stored * (p.Stored + p.Backup)
	dollars += requests * p.Requests / million

	sends := accepted/min(events, atOnce) + float64(r.Leases)/atOnce + float64(r.Sends)
	gbSeconds := requests * r.PublishTime().Seconds() * float64(r.Settings.PublishMemory) / 1024
	// A sweep is bound by its CPU, which costs the same at any memory.
	gbSeconds += float64(r.Leases) * r.Work.Lease.Seconds() * wholeCPU / 1024
	invocations := requests
	logged := requests*(logsize.Access+logsize.Request+2*logsize.Event) + attempts*(logsize.Attempt+logsize.Event)
	for _, u := range r.Lanes {
		sends += float64(u.Requests)
		gbSeconds += u.GBSeconds
		invocations += float64(u.Batches)
	}
	dollars += sends * (p.Messages + p.Groups) / million
	dollars += gbSeconds*p.Compute + invocations*p.Invocations/million
	dollars += (logged*p.Logs + (attempts*sent+requests*responded)*p.Traffic) / gigabyte
	return dollars / accepted * million
}
