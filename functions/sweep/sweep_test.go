package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hookline/hookline/internal/test/workertest"
	"github.com/hookline/hookline/pkg/delivery"
	"github.com/hookline/hookline/pkg/webhook"
)

// Everything that is wrong is named at once.
func TestStartNamesEveryFault(t *testing.T) {
	workertest.NamesFaults(t, build, map[string]string{
		"AWS_REGION": "eu-central-1", "AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "hush",
	}, "HOOKLINE_WEBHOOKS_TABLE: must be set", "HOOKLINE_DELIVERIES_TABLE: must be set", "HOOKLINE_QUEUE_URL: must be set", "HOOKLINE_SLOW_QUEUE_URL: must be set")
}

func TestStart(t *testing.T) {
	h, err := build(t.Context(), workertest.Environment(), slog.New(slog.DiscardHandler))
	if err != nil || h.finish == nil || h.notify != nil {
		t.Fatalf("start: %v, %v", h, err)
	}
	for _, p := range []part{{0, 1}, {0, 4}, {3, 4}, {63, 64}} {
		if s, err := h.sweeper(p); s == nil || err != nil {
			t.Errorf("part %+v: %v", p, err)
		}
	}
	for _, p := range []part{{1, 1}, {-1, 4}, {4, 4}, {0, 65}, {0, -1}} {
		if _, err := h.sweeper(p); !errors.Is(err, webhook.ErrInvalid) {
			t.Errorf("part %+v: %v, want ErrInvalid", p, err)
		}
	}
}

// line is what a sweep says in the log.
type line struct {
	Level, Msg, Error     string
	Sent, Refused, Failed int
	Late                  float64 `json:"late_s"`
	Whole                 bool
	Part, Parts           int
}

// sweeping is a sweeper made of a function.
type sweeping func(ctx context.Context, from time.Time) (delivery.Swept, error)

func (s sweeping) Sweep(ctx context.Context, from time.Time) (delivery.Swept, error) {
	return s(ctx, from)
}

func TestSweep(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	broken := errors.New("sweep: list what is due: table")
	for name, tt := range map[string]struct {
		event string
		swept delivery.Swept
		err   error
		want  line
	}{
		"nothing": {want: line{Level: "INFO", Whole: true}},
		"a part":  {event: `{"part":2,"parts":4}`, want: line{Level: "INFO", Whole: true, Part: 2, Parts: 4}},
		"no such part": {event: `{"part":4,"parts":4}`, want: line{
			Level: "ERROR", Whole: true, Part: 4, Parts: 4, Error: "no such part",
		}},
		"by EventBridge, without a part": {event: `{"id":"1","source":"aws.events","detail":{}}`, want: line{Level: "INFO", Whole: true}},
		"late": {
			swept: delivery.Swept{Sent: 3, Oldest: now.Add(-90 * time.Second)},
			want:  line{Level: "INFO", Sent: 3, Late: 90, Whole: true},
		},
		"some could not be sent for": {
			swept: delivery.Swept{Sent: 3, Failed: 2},
			want:  line{Level: "ERROR", Sent: 3, Failed: 2, Whole: true, Error: "2 due deliveries could not be leased or sent for"},
		},
		"the table fails": {err: broken, swept: delivery.Swept{Sent: 1}, want: line{Level: "ERROR", Sent: 1, Whole: true, Error: broken.Error()}},
	} {
		t.Run(name, func(t *testing.T) {
			var logged bytes.Buffer
			h := &handler{
				now: func() time.Time { return now }, log: slog.New(slog.NewJSONHandler(&logged, nil)),
				finish: func(context.Context) error { return nil },
				sweeper: func(p part) (sweeper, error) {
					if p.Part >= p.Parts {
						return nil, errors.New("no such part")
					}
					return sweeping(func(_ context.Context, from time.Time) (delivery.Swept, error) {
						if !from.IsZero() {
							t.Errorf("sweeps from %v, want all", from)
						}
						return tt.swept, tt.err
					}), nil
				},
			}
			var p part
			if err := json.Unmarshal([]byte(cmp.Or(tt.event, "{}")), &p); err != nil {
				t.Fatal(err)
			}
			tt.want.Parts = max(tt.want.Parts, 1)
			if err := h.Sweep(t.Context(), p); (err != nil) != (tt.want.Error != "") {
				t.Errorf("error %v, want %q", err, tt.want.Error)
			}
			var got line
			if err := json.Unmarshal(logged.Bytes(), &got); err != nil {
				t.Fatalf("%v: %s", err, &logged)
			}
			if tt.want.Msg = "sweep"; got != tt.want {
				t.Errorf("logged %+v, want %+v", got, tt.want)
			}
		})
	}
}

// What the function's time does not suffice for comes a minute later: that is
// no error, and is said.
func TestSweepEndsBeforeTheFunction(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const lifetime = 55 * time.Second
		var logged bytes.Buffer
		h := &handler{
			now: time.Now, log: slog.New(slog.NewJSONHandler(&logged, nil)),
			finish: func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() },
			sweeper: func(part) (sweeper, error) {
				return sweeping(func(ctx context.Context, _ time.Time) (delivery.Swept, error) {
					<-ctx.Done()
					return delivery.Swept{Sent: 7, Failed: 1}, errors.Join(webhook.ErrUnavailable, ctx.Err())
				}), nil
			},
		}
		ctx, cancel := context.WithTimeout(t.Context(), lifetime)
		defer cancel()
		began := time.Now()
		if err := h.Sweep(ctx, part{}); err != nil {
			t.Errorf("error %v", err)
		}
		if took := time.Since(began); took != lifetime-reserve {
			t.Errorf("took %v, want %v", took, lifetime-reserve)
		}
		if got := logged.String(); !strings.Contains(got, `"whole":false`) || !strings.Contains(got, `"sent":7`) {
			t.Errorf("logged %s", got)
		}
	})
}

// Accounts that could not be deleted and notices that were not taken fail the sweep of the first part, and what
// is due is swept all the same. Other parts delete none.
func TestSweepFinishes(t *testing.T) {
	broken, refused := errors.New("finish deleting account squake:acme: table"), errors.New("1 notices were not taken")
	var logged bytes.Buffer
	h := &handler{
		now: time.Now, log: slog.New(slog.NewJSONHandler(&logged, nil)),
		finish: func(context.Context) error { return broken },
		notify: func(context.Context) error { return refused },
		sweeper: func(part) (sweeper, error) {
			return sweeping(func(context.Context, time.Time) (delivery.Swept, error) { return delivery.Swept{Sent: 1}, nil }), nil
		},
	}
	if err := h.Sweep(t.Context(), part{Part: 1, Parts: 2}); err != nil || strings.Contains(logged.String(), "finish") {
		t.Errorf("the second part: error %v, logged %s", err, &logged)
	}
	logged.Reset()
	if err := h.Sweep(t.Context(), part{Parts: 2}); !errors.Is(err, broken) || !errors.Is(err, refused) {
		t.Errorf("error %v, want %v and %v", err, broken, refused)
	}
	for _, want := range []string{`"msg":"finish","error":"` + broken.Error(), `"msg":"notices","error":"1 notices`, `"msg":"sweep","sent":1`} {
		if got := logged.String(); !strings.Contains(got, want) {
			t.Errorf("logged %s, want %s", got, want)
		}
	}
}
