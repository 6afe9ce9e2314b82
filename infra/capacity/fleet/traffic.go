package fleet

import (
	"math"
	"math/rand/v2"
	"time"

	"github.com/hookline/hookline/pkg/webhook"
)

// Load is what the stack has to carry.
type Load struct {
	// Rate is how many deliveries are accepted a second, and Events how many of
	// them come in one request.
	Rate   float64
	Events int
	// Even has requests come at equal intervals; otherwise they come at random.
	Even bool
	// Until is when publishing ends; zero for never.
	Until time.Duration
	// Webhooks is how many there are, five an account. Skew is the exponent of
	// their popularity: at 1 all get as many events, at 2 a hundredth of them
	// gets a tenth of the events.
	Webhooks int
	Skew     float64
	// Hanging, Dead and Slow are shares of the webhooks: those that never respond,
	// those that refuse connections, those that take seconds. The others are
	// quick.
	Hanging, Dead, Slow float64
	Receivers           Receivers
	// Fresh says that no webhook has a record yet, as on the first day. Otherwise
	// the stack has run for days: each webhook's record is as its receiver, and
	// retries of the days before come in.
	Fresh bool
	// Customer is one large customer, beside the other webhooks.
	Customer Customer
	// Outage is when no message can be sent, neither by publishers nor by the
	// sweeper.
	Outage Span
	// Sending has the API's timeout and delays.
	Sending webhook.Sending
}

// Customer is a large customer, whose receivers are one.
type Customer struct {
	Share              float64 // of the events
	Webhooks, Accounts int
	// Hangs is when its receiver hangs; otherwise it is quick.
	Hangs Span
}

// Span is a time from From until before To.
type Span struct{ From, To time.Duration }

func (s Span) has(t time.Duration) bool { return t >= s.From && t < s.To }

// Receivers are response times: log-normal, of quick receivers with a tail.
type Receivers struct {
	QuickMedian, SlowMedian time.Duration
	Spread                  float64
	// Tail is the share of a quick receiver's responses that take between 2 and 6
	// seconds, Errors that of its responses that are errors.
	Tail, Errors float64
	// Refuse is how long a refused connection takes.
	Refuse time.Duration
}

// Usual are receivers as they usually are.
func Usual() Receivers {
	return Receivers{
		QuickMedian: 150 * time.Millisecond, SlowMedian: 2500 * time.Millisecond, Spread: 0.6,
		Tail: 0.001, Errors: 0.001, Refuse: 20 * time.Millisecond,
	}
}

// tailLongest is the longest response of a quick receiver.
const tailLongest = 6 * time.Second

// Kind is a class of receivers.
type Kind uint8

// The kinds. From Dead on, no attempt succeeds.
const (
	Quick Kind = iota
	Slow
	Dead
	Hanging
)

// Response draws how long a receiver takes and whether its attempt fails, within
// a timeout.
func (r Receivers) Response(random *rand.Rand, k Kind, timeout time.Duration) (d time.Duration, failed bool) {
	switch k {
	case Hanging:
		return timeout, true
	case Dead:
		return r.Refuse, true
	case Slow:
		d = r.logNormal(random, r.SlowMedian)
	case Quick:
		d = r.logNormal(random, r.QuickMedian)
		switch u := random.Float64(); {
		case u < r.Tail:
			d = slowAfter + time.Duration(random.Float64()*float64(tailLongest-slowAfter))
		case u < r.Tail+r.Errors:
			failed = true
		}
	}
	if d > timeout {
		return timeout, true
	}
	return d, failed
}

func (r Receivers) logNormal(random *rand.Rand, median time.Duration) time.Duration {
	return time.Duration(float64(median) * math.Exp(r.Spread*random.NormFloat64()))
}

// above returns the share of a log-normal time that is above limit.
func (r Receivers) above(median, limit time.Duration) float64 {
	return math.Erfc(math.Log(limit.Seconds()/median.Seconds())/r.Spread/math.Sqrt2) / 2
}

// perAccount is how many webhooks an account has.
const perAccount = 5

// traffic draws events and responses.
type traffic struct {
	Load
	// picks draws whose event the next is, and random all else, so that the events
	// are the same whatever becomes of them.
	picks, random *rand.Rand
	seed          uint64
	// changed has the webhooks whose record is not what it was at the start.
	changed map[uint32]bool
}

func newTraffic(l Load, seed uint64) *traffic {
	return &traffic{
		Load: l, seed: seed, changed: map[uint32]bool{},
		picks: rand.New(rand.NewPCG(seed, 1)), random: rand.New(rand.NewPCG(seed, 2)),
	}
}

// Sequence returns whose the first n events are, in a simulation of a fresh stack,
// and what those webhooks' receivers are at the start.
func (l Load) Sequence(seed uint64, n int) (webhooks []int, kinds []Kind) {
	t := newTraffic(l, seed)
	for range n {
		w := t.pick()
		webhooks, kinds = append(webhooks, int(w)), append(kinds, t.kind(w, 0))
	}
	return webhooks, kinds
}

// pick draws the webhook of an event.
func (t *traffic) pick() uint32 {
	if t.Customer.Share > 0 && t.picks.Float64() < t.Customer.Share {
		return uint32(t.Webhooks + t.picks.IntN(t.Customer.Webhooks)) //nolint:gosec // fewer than 2^32
	}
	u := t.picks.Float64()
	if t.Skew == 2 {
		u *= u
	} else if t.Skew != 1 {
		u = math.Pow(u, t.Skew)
	}
	return uint32(u * float64(t.Webhooks))
}

// large reports whether a webhook is the large customer's.
func (t *traffic) large(w uint32) bool { return int(w) >= t.Webhooks }

// account returns the number of a webhook's account. The large customer has the
// first ones.
func (t *traffic) account(w uint32) uint32 {
	if t.large(w) {
		return w % uint32(max(t.Customer.Accounts, 1)) //nolint:gosec // fewer than 2^32
	}
	return w/perAccount + uint32(t.Customer.Accounts) //nolint:gosec // fewer than 2^32
}

// chance returns a number from 0 to 1 that belongs to a webhook.
func (t *traffic) chance(w uint32, salt uint64) float64 {
	x := uint64(w)*0x9e3779b97f4a7c15 + t.seed + salt*0xbf58476d1ce4e5b9
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return float64((x^x>>31)>>11) / (1 << 53)
}

// kind returns a webhook's class at a time.
func (t *traffic) kind(w uint32, at time.Duration) Kind {
	if t.large(w) {
		if t.Customer.Hangs.has(at) {
			return Hanging
		}
		return Quick
	}
	u := t.chance(w, 1)
	switch {
	case u < t.Hanging:
		return Hanging
	case u < t.Hanging+t.Dead:
		return Dead
	case u < t.Hanging+t.Dead+t.Slow:
		return Slow
	}
	return Quick
}

// slowBefore reports whether a webhook's record has slow_since at the start, as
// its last attempt before would have left it.
func (t *traffic) slowBefore(w uint32) bool {
	if t.Fresh || t.large(w) {
		return false
	}
	switch t.kind(w, 0) {
	case Hanging:
		return true
	case Slow:
		return t.chance(w, 2) < t.Receivers.above(t.Receivers.SlowMedian, slowAfter)
	case Quick:
		return t.chance(w, 2) < t.Receivers.Tail
	case Dead:
	}
	return false
}

// isSlow reports whether a webhook's record has slow_since.
func (t *traffic) isSlow(w uint32) bool {
	if now, ok := t.changed[w]; ok {
		return now
	}
	return t.slowBefore(w)
}

// setSlow writes or clears slow_since, and reports whether that changes it.
func (t *traffic) setSlow(w uint32, now bool) bool {
	if t.isSlow(w) == now {
		return false
	}
	t.changed[w] = now
	return true
}

// request returns the time between two requests of so many a second.
func (t *traffic) request(rate float64) time.Duration {
	if t.Even {
		return time.Duration(float64(time.Second) / rate)
	}
	return t.gap(rate)
}

// gap draws the time between two events of so many a second.
func (t *traffic) gap(rate float64) time.Duration {
	return time.Duration(t.random.ExpFloat64() / rate * float64(time.Second))
}

// jitter lengthens a delay as a worker does.
func (t *traffic) jitter(d time.Duration) time.Duration {
	return d + time.Duration(t.random.Float64()*jitterShare*float64(d))
}

// poisson draws how many events happen where mean are expected.
func (t *traffic) poisson(mean float64) int {
	if mean > 1000 {
		return max(0, int(math.Round(mean+math.Sqrt(mean)*t.random.NormFloat64())))
	}
	n := 0
	for sum := t.random.ExpFloat64(); sum < mean; sum += t.random.ExpFloat64() {
		n++
	}
	return n
}
