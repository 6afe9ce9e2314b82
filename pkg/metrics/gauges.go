package metrics

import (
	"context"
	"errors"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/hookline/hookline/pkg/queue/local"
	"github.com/hookline/hookline/pkg/store/sqlite"
)

// Sources are asked whenever measurements are read. All but File are required.
type Sources struct {
	Now   func() time.Time
	Queue func() local.Stats
	// File is the SQLite file, nil if the data is elsewhere.
	File *sqlite.Store
	// Connections returns how many connections serve a request, how many wait
	// for one, and how many there may be.
	Connections func() (serving, waiting, limit int)
}

// Watch measures what the sources say from now on.
func (m *Metrics) Watch(s Sources) error {
	return errors.Join(m.watchConnections(s), m.watchQueue(s), m.watchFile(s))
}

// gauges makes gauges and collects the errors.
type gauges struct {
	meter metric.Meter
	made  []metric.Observable
	err   error
}

func (g *gauges) ints(name, unit, description string) metric.Int64ObservableGauge {
	gauge, err := g.meter.Int64ObservableGauge(name, metric.WithUnit(unit), metric.WithDescription(description))
	g.made, g.err = append(g.made, gauge), errors.Join(g.err, err)
	return gauge
}

func (g *gauges) floats(name, unit, description string) metric.Float64ObservableGauge {
	gauge, err := g.meter.Float64ObservableGauge(name, metric.WithUnit(unit), metric.WithDescription(description))
	g.made, g.err = append(g.made, gauge), errors.Join(g.err, err)
	return gauge
}

// each has the gauges observed by a function.
func (g *gauges) each(observe metric.Callback) error {
	_, err := g.meter.RegisterCallback(observe, g.made...)
	return errors.Join(g.err, err)
}

func attributes(a ...attribute.KeyValue) metric.MeasurementOption {
	return metric.WithAttributeSet(attribute.NewSet(a...))
}

func (m *Metrics) watchConnections(s Sources) error {
	g := gauges{meter: m.meter}
	open := g.ints("hookline.server.connections", "{connection}", "Open connections of clients.")
	most := g.ints("hookline.server.connections.limit", "{connection}", "Connections of clients that may be open.")
	serving, waiting := attributes(stateKey.String("active")), attributes(stateKey.String("idle"))
	return g.each(func(_ context.Context, o metric.Observer) error {
		active, idle, limit := s.Connections()
		o.ObserveInt64(open, int64(active), serving)
		o.ObserveInt64(open, int64(idle), waiting)
		o.ObserveInt64(most, int64(limit))
		return nil
	})
}

func (m *Metrics) watchQueue(s Sources) error {
	g := gauges{meter: m.meter}
	held := g.ints("hookline.queue.messages", "{message}", "Messages in the queue, those of running attempts included.")
	running := g.ints("hookline.queue.attempts", "{attempt}", "Running attempts.")
	later := g.ints("hookline.queue.delayed", "{message}", "Messages in the queue whose time has not come.")
	capacity := g.ints("hookline.queue.limit", "{message}", "Messages that the queue can hold.")
	slots := g.ints("hookline.queue.attempts.limit", "{attempt}", "Attempts that can run at once.")
	fresh, quick, slow := attributes(laneKey.String("new")), attributes(laneKey.String("quick")), attributes(laneKey.String("slow"))
	return g.each(func(_ context.Context, o metric.Observer) error {
		q := s.Queue()
		for _, lane := range []struct {
			local.Lane
			name metric.MeasurementOption
		}{{q.Unproven, fresh}, {q.Trusted, quick}, {q.Suspect, slow}} {
			o.ObserveInt64(held, int64(lane.Held), lane.name)
			o.ObserveInt64(running, int64(lane.Running), lane.name)
		}
		o.ObserveInt64(later, int64(q.Later))
		o.ObserveInt64(capacity, int64(q.Capacity))
		o.ObserveInt64(slots, int64(q.Slots))
		return nil
	})
}

// watchFile measures the backlog, in the queue and in the file, and the
// webhooks that fail.
func (m *Metrics) watchFile(s Sources) error {
	g := gauges{meter: m.meter}
	due := g.ints("hookline.backlog.deliveries", "{delivery}", "Deliveries whose attempt is due and has not begun.")
	age := g.floats("hookline.backlog.age", "s", "How long the oldest of them has been due.")
	failing := g.ints("hookline.webhooks", "{webhook}", "Webhooks that fail or are disabled.")
	waiting, stored := attributes(whereKey.String("queue")), attributes(whereKey.String("store"))
	return g.each(func(ctx context.Context, o metric.Observer) error {
		now, q := s.Now(), s.Queue()
		o.ObserveInt64(due, int64(q.Ready), waiting)
		o.ObserveFloat64(age, since(now, q.Since), waiting)
		if s.File == nil {
			return nil
		}
		ctx, cancel := context.WithTimeout(ctx, scrapeTimeout)
		defer cancel()
		backlog, err := s.File.Backlog(ctx, now)
		if err != nil {
			return err
		}
		o.ObserveInt64(due, int64(backlog.Due), stored)
		o.ObserveFloat64(age, since(now, backlog.Since), stored)
		counts, err := s.File.CountFailing(ctx)
		for _, c := range counts {
			o.ObserveInt64(failing, int64(c.Count), attributes(apiKey.String(string(c.API)), stateKey.String(c.State.String())))
		}
		return err
	})
}

// since returns how many seconds have passed, none since the zero time.
func since(now, then time.Time) float64 {
	if then.IsZero() {
		return 0
	}
	return max(now.Sub(then).Seconds(), 0)
}
