package dynamo_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/hookline/hookline/internal/test/dynamolocal"
	"github.com/hookline/hookline/internal/test/faultproxy"
	"github.com/hookline/hookline/internal/test/long"
	"github.com/hookline/hookline/pkg/webhook"
)

// Of two that tell of a webhook and two successes afterwards, whose responses
// get lost, one each stores its notice, and no caller is told otherwise.
func TestNoticesThroughFaults(t *testing.T) {
	server := dynamolocal.Start(t)
	proxy, tables := faultproxy.Start(t, server.URL), server.NewTables(t)
	proxy.Inject(faultproxy.Plan{Seed: 21, Rate: faultRate})
	s, direct := open(t, proxy.URL, tables, shortTry), open(t, server.URL, tables, timeout)
	count := long.Pick(20, 80)
	through(t, count, func(ctx context.Context, n int) error {
		w := record(numbered(n), "event")
		if _, err := direct.Create(ctx, webhook.Creation{Webhooks: []webhook.Webhook{w}}); err != nil {
			return err
		}
		d, err := direct.AddDelivery(ctx, published(w, 0, 200))
		if err != nil {
			return err
		}
		if err := recorded(ctx, direct, d, createdAt, webhook.StatsFailed); err != nil {
			return err
		}
		if w, err = direct.Webhook(ctx, w.Account, w.Event); err != nil {
			return err
		}
		tell := func(id string) func() error {
			return func() error {
				return s.Tell(ctx, w.Notice(fmt.Sprintf("%03d-1%s", n, id), webhook.NoticeFailing, createdAt))
			}
		}
		errs := rivals(tell("a"), tell("b"))
		if (errs[0] == nil) == (errs[1] == nil) || !errors.Is(errors.Join(errs[:]...), webhook.ErrChanged) {
			return fmt.Errorf("told: %v", errs)
		}
		succeed := func(id string, number int) func() error {
			return func() error {
				d, err := direct.AddDelivery(ctx, published(w, number, 200))
				if err != nil {
					return err
				}
				now := delivered(d)
				now.AttemptedAt = createdAt.Add(time.Duration(number) * time.Minute)
				notice := w.Notice(fmt.Sprintf("%03d-2%s", n, id), webhook.NoticeRecovered, now.AttemptedAt)
				_, err = s.RecordAttempt(ctx, webhook.AttemptResult{Was: d, Now: now, Stats: webhook.StatsSent, Recovered: &notice})
				return err
			}
		}
		errs = rivals(succeed("a", 1), succeed("b", 2))
		return errors.Join(errs[:]...)
	})
	list, err := direct.Notices(t.Context(), "", 1000)
	if err != nil {
		t.Fatal(err)
	}
	of := map[webhook.Account][]webhook.NoticeType{}
	for _, n := range list {
		of[n.Account] = append(of[n.Account], n.Type)
	}
	want := []webhook.NoticeType{webhook.NoticeFailing, webhook.NoticeRecovered}
	for a, types := range of {
		if !slices.Equal(types, want) {
			t.Errorf("%v: %v, want %v", a, types, want)
		}
	}
	if len(of) != count {
		t.Errorf("%d webhooks were told of, want %d", len(of), count)
	}
}
