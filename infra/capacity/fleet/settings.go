package fleet

import "time"

// What AWS documents, below docs.aws.amazon.com: pollers and the memory of a
// whole vCPU in lambda/latest/dg/services-sqs-scaling.html and
// lambda/latest/dg/configuration-memory.html, messages in flight in
// AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-queues.html, partitions
// in amazondynamodb/latest/developerguide/bp-partition-key-design.html.
const (
	// firstPollers is how many batches a mapping makes at once at first, and
	// addedPollers how many more each second while messages are left: 300 a
	// minute.
	firstPollers = 5
	addedPollers = 5
	// maxInFlight is how many messages of a standard queue can be received and
	// not yet deleted.
	maxInFlight = 120_000
	// maxReceived is how many messages a request to SQS receives.
	maxReceived = 10
	// wholeCPU is the memory in MB that comes with one vCPU.
	wholeCPU = 1769
	// partitionWrites is how many write units a second a partition key takes.
	partitionWrites = 1000
)

// What Hookline's code and templates say.
const (
	// visibility is how long a message that was returned stays away: six times
	// the function's timeout.
	visibility = 6 * deliverTimeout
	// slowAfter is how long an attempt lasts that makes its webhook slow.
	slowAfter = 2 * time.Second
	// firstLease is how long an attempt is left to the queue at first; each lease
	// is twice the one before.
	firstLease    = 120 * time.Second
	maxDoublings  = 9
	maxDelay      = 15 * time.Minute // of a message
	sweepAhead    = 90 * time.Second
	sweepInterval = time.Minute
	// sweepTime is how long a sweep may last, and batchTime a batch: the timeout
	// of the function, less what it reserves for its last writes.
	sweepTime      = sweepTimeout - 5*time.Second
	batchTime      = deliverTimeout - 12*time.Second
	sweepTimeout   = 55 * time.Second
	deliverTimeout = 60 * time.Second
	writeTime      = 10 * time.Second // within which a result has to be written
	leasesAtOnce   = 4 * 32           // of one invocation
	indexShards    = 64
	jitterShare    = 0.1
	// failureWrites is how many items a failed attempt writes: its own and the
	// delivery's.
	failureWrites = 2
)

// LaneSettings are those of one queue, its mapping and its function.
type LaneSettings struct {
	// Concurrency is the mapping's MaximumConcurrency: batches at once.
	Concurrency int
	// Batch is how many messages a batch has at most, and Window how long the
	// mapping waits for them.
	Batch  int
	Window time.Duration
	// Pollers is how many batches it makes at once at the start; zero for what it
	// would after a long time.
	Pollers int
	// Memory is in MB.
	Memory int
	// Parallel is how many attempts of a batch are made at once.
	Parallel int
}

// Settings are those of a stack.
type Settings struct {
	// Lanes says that there are two; otherwise Fast has everything.
	Lanes      bool
	Fast, Slow LaneSettings
	// HandOver has the fast lane end an attempt that passes two seconds, without
	// counting it, and the slow lane make it.
	HandOver bool
	// Account is the account's quota of concurrent executions, of which Others
	// are left to other functions.
	Account, Others int
	// PublishMemory and SweepMemory are in MB.
	PublishMemory, SweepMemory int
	// Sweepers is among how many invocations a sweep is shared.
	Sweepers int
	Platform Platform
}

// Platform is what AWS takes beside Hookline's own work. Nobody promises it.
type Platform struct {
	Receive   time.Duration // from a message's arrival to its receipt
	Invoke    time.Duration // from there to the handler
	Table     time.Duration // a request to DynamoDB
	Send      time.Duration // a request to SQS
	ColdStart time.Duration // a new execution environment
}

// AWS is the platform as its metrics usually show it. Receivers take ten times
// as long, which hides an error in it.
func AWS() Platform {
	return Platform{
		Receive: 15 * time.Millisecond, Invoke: 15 * time.Millisecond, Table: 6 * time.Millisecond,
		Send: 15 * time.Millisecond, ColdStart: 300 * time.Millisecond,
	}
}

// Work is the CPU time of Hookline's own code, on one vCPU: of an attempt, of a
// lease with its message, and of an event that is published.
type Work struct{ Attempt, Lease, Publication time.Duration }

// CPU returns how many vCPU a function of so many MB has.
func CPU(memory int) float64 { return float64(memory) / wholeCPU }

// on returns how long work takes on a function of so many MB.
func on(memory int, work time.Duration) time.Duration {
	return time.Duration(float64(work) / CPU(memory))
}

// LeaseRate returns how many leases a second the sweepers make together: bound by
// their CPU, and by how many are under way at once.
func (s Settings) LeaseRate(work Work) float64 {
	one := leasesAtOnce / max(s.Platform.Table, time.Millisecond).Seconds()
	if work.Lease > 0 {
		one = min(one, CPU(s.SweepMemory)/work.Lease.Seconds())
	}
	return one * float64(max(s.Sweepers, 1))
}
