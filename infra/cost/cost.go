package main

import (
	"time"

	"github.com/hookline/hookline/infra/cost/logsize"
	"github.com/hookline/hookline/infra/cost/price"
	"github.com/hookline/hookline/pkg/api/all"
)

// prices are those of a region.
type prices struct{ price.Region }

// What requests to DynamoDB take, in request units. The tests count them with
// the store itself.
var (
	// registering is a webhook of one event, its URL under about 700 characters.
	registering = units{writes: 1}
	// publishing and attempting are a delivery's two halves, where its payload
	// fits into its record of 1 KB. The index takes one write when a delivery
	// becomes due and one when it no longer is.
	publishing = units{writes: 1 + 1, reads: 2}
	attempting = units{writes: 1 + 1, reads: 3}
	// missing is an attempt that fails, of which an item is kept: the index takes
	// an entry out and puts another in.
	missing = units{writes: 1 + 1 + 2, reads: 3}
	// marking are Squake's statistics.
	marking = units{writes: 1}
	// apart is what a payload of 3 KB adds, which is an item of its own.
	apart = units{writes: 3, reads: 1}
	// telling is a webhook that fails for an hour: its notice is stored with a mark
	// on the webhook, in a transaction, which DynamoDB Local does not count, and
	// read, sent and removed. watching is a look for such webhooks of all APIs,
	// in eight parts of the index each at half a unit, and for notices, at one.
	telling     = transaction.plus(units{writes: 1, reads: 2.5})
	transaction = units{writes: 2 * 2}
	watching    = units{reads: float64(len(all.APIs()))*8*0.5 + 1}
	// sweeping is one look for all that is due: half a unit for each shard of the
	// index.
	sweeping = units{reads: 64 * 0.5}
)

// units are request units of DynamoDB.
type units struct{ writes, reads float64 }

func (u units) plus(v units) units { return units{u.writes + v.writes, u.reads + v.reads} }

// What the templates say. The tests compare.
const (
	memory        = 0.25 // GB, of functions in general
	deliverMemory = 0.5
	publishMemory = 0.5
	sweepMemory   = 1769.0 / 1024
	sweepParts    = 4  // schedules, each of which sweeps a part
	lanes         = 2  // queues of attempts
	alarms        = 23 // metrics that alarms watch; an alarm on two is charged as two
	filters       = 4  // which make metrics of our own
	metrics       = 1  // of these, which has values in an idle month
)

// What AWS does by itself.
const (
	// sendAtOnce is how many messages one request sends at most.
	sendAtOnce = 10
	// pollers are Lambda's of a queue, which ask an empty one each 20 seconds.
	pollers, poll = 5, 20 * time.Second

	sweepInterval = time.Minute
	month         = 30 * 24 * time.Hour
	million       = 1e6
	gigabyte      = 1e9
)

// assumptions are what nobody can measure but the operator.
type assumptions struct {
	// events are published in one request, and batch messages are handed to
	// function deliver at once.
	events, batch int
	// register and publish are durations of a warm function, sweep that of one
	// that finds nothing in its part; outcomeTime is what an attempt takes beside waiting for
	// its receiver, which takes responseTime.
	register, publish, sweep, outcomeTime, responseTime time.Duration
	// sent are the bytes that leave for a receiver at an attempt, TLS included;
	// responseBytes those of an answer of the API.
	sent, responseBytes float64
	// platform are the bytes that Lambda itself logs about an invocation.
	platform float64
	// retained is how long the record of a delivery is kept.
	retained time.Duration
	// record is its size in bytes, with what DynamoDB adds.
	record float64
}

// usual are assumptions for receivers that answer in 300 ms and events that
// are published one by one, with time between them.
var usual = assumptions{
	events: 1, batch: 1,
	register: 10 * time.Millisecond, publish: 20 * time.Millisecond, sweep: 30 * time.Millisecond,
	outcomeTime: 20 * time.Millisecond, responseTime: 300 * time.Millisecond,
	sent: 3000, responseBytes: 1000,
	retained: 8 * 24 * time.Hour, record: 1100,
}

// inBulk are the same where publishers send a hundred events in a request, and
// there is so much to do that batches are full.
func (a assumptions) inBulk() assumptions {
	a.events, a.batch = 100, 10
	return a
}

// bill is what something costs, in dollars, by service.
type bill struct{ dynamo, lambda, gateway, sqs, logs, other float64 }

func (b bill) total() float64 { return b.dynamo + b.lambda + b.gateway + b.sqs + b.logs + b.other }

func (b bill) plus(c bill) bill {
	return bill{b.dynamo + c.dynamo, b.lambda + c.lambda, b.gateway + c.gateway, b.sqs + c.sqs, b.logs + c.logs, b.other + c.other}
}

func (b bill) times(n float64) bill {
	return bill{b.dynamo * n, b.lambda * n, b.gateway * n, b.sqs * n, b.logs * n, b.other * n}
}

// used is the bill for request units of DynamoDB.
func (p prices) used(u units) bill {
	return bill{dynamo: (u.writes*p.Writes + u.reads*p.Reads) / million}
}

// invocation is the bill for one run of a function of so many GB, without its own
// lines in the log.
func (p prices) invocation(gb float64, d time.Duration, a assumptions) bill {
	return bill{
		lambda: p.Invocations/million + gb*d.Seconds()*p.Compute,
		logs:   a.platform / gigabyte * p.Logs,
	}
}

// line is the bill for a line of so many bytes in a log.
func (p prices) line(size int) bill {
	return bill{logs: float64(size+logsize.Event) / gigabyte * p.Logs}
}

// request is the bill for one request of the API, with the lines of the gateway
// and the function, without the function.
func (p prices) request(a assumptions) bill {
	b := bill{gateway: p.Requests / million, other: a.responseBytes / gigabyte * p.Traffic}
	return b.plus(p.line(logsize.Access)).plus(p.line(logsize.Request))
}

// message is the bill for what one message takes: it is sent with those beside
// it, and received and deleted with its batch.
func (p prices) message(beside int, a assumptions) bill {
	requests := 1/float64(min(beside, sendAtOnce)) + 2/float64(a.batch)
	return bill{sqs: requests * (p.Messages + p.Groups) / million}
}

// registration is the bill for one registration of one event.
func (p prices) registration(a assumptions) bill {
	return p.request(a).plus(p.invocation(memory, a.register, a)).plus(p.used(registering))
}

// publication is the bill for an event that is accepted.
func (p prices) publication(a assumptions) bill {
	each := p.request(a).plus(p.invocation(publishMemory, a.publish, a)).times(1 / float64(a.events))
	days := a.retained.Hours() / month.Hours()
	each.dynamo += a.record / gigabyte * (p.Stored + p.Backup) * days
	return each.plus(p.used(publishing)).plus(p.message(a.events, a))
}

// attempt is the bill for one attempt, which takes u, without its message. A
// batch takes as long as its slowest.
func (p prices) attempt(u units, a assumptions) bill {
	run := p.invocation(deliverMemory, a.outcomeTime+a.responseTime, a).times(1 / float64(a.batch))
	run.other += a.sent / gigabyte * p.Traffic
	return run.plus(p.line(logsize.Attempt)).plus(p.used(u))
}

// delivery is the bill for an event that is published and received at once.
func (p prices) delivery(a assumptions) bill {
	return p.publication(a).plus(p.attempt(attempting, a))
}

// failure is the bill for an attempt that fails, with the message of the next.
func (p prices) failure(a assumptions) bill {
	return p.attempt(missing, a).plus(p.message(1, a))
}

// large is what a payload of 3 KB adds to a delivery.
func (p prices) large(a assumptions) bill {
	const payload = 3000
	days := a.retained.Hours() / month.Hours()
	more := bill{
		dynamo: payload / gigabyte * (p.Stored + p.Backup) * days,
		other:  payload / gigabyte * p.Traffic,
	}
	return more.plus(p.used(apart))
}

// keeping is the bill for keeping one webhook for a month: 1 KB.
func (p prices) keeping(a assumptions) bill {
	return bill{dynamo: a.record / gigabyte * (p.Stored + p.Backup)}
}

// notice is the bill for a notice that is sent at once.
func (p prices) notice() bill {
	b := p.used(telling)
	b.other = p.Events / million
	return b
}

// watched is what notices add to a month of a stack that nobody uses.
func (p prices) watched() bill {
	return p.used(watching).times(month.Seconds() / sweepInterval.Seconds())
}

// idle is the bill for a month of a stack that nobody uses.
func (p prices) idle(a assumptions) bill {
	sweeps := month.Seconds() / sweepInterval.Seconds()
	polls := lanes * pollers * month.Seconds() / poll.Seconds()
	sweep := p.invocation(sweepMemory, a.sweep, a).plus(p.line(logsize.Sweep))
	b := p.used(sweeping).plus(sweep.times(sweepParts)).times(sweeps)
	b.sqs = polls * p.Messages / million
	b.other = alarms*p.Alarm + metrics*p.Metric + p.Key
	return b
}
