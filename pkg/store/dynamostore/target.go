package dynamostore

import (
	"context"
	"fmt"
	"slices"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/hookline/hookline/pkg/webhook"
)

// place is where an item is kept.
type place struct{ table, pk, sk string }

// The longest keys in bytes (Amazon DynamoDB Developer Guide, "Quotas").
const (
	maxPK = 2048
	maxSK = 1024
)

// holds reports whether an item can be there at all. DynamoDB refuses a whole
// batch for one key that is too long, and the client writes other characters
// for those that are not UTF-8.
func (p place) holds() bool {
	return len(p.pk) <= maxPK && len(p.sk) <= maxSK && utf8.ValidString(p.pk) && utf8.ValidString(p.sk)
}

// maxBatchGet is how many items one BatchGetItem may name.
const maxBatchGet = 100

// read reads items of both tables strongly consistent, those that are there:
// one BatchGetItem for each 100 different places.
func (s *Store) read(ctx context.Context, op string, places []place) (map[place]item, error) {
	seen := make(map[place]bool, len(places))
	var different []place
	for _, p := range places {
		if !seen[p] && p.holds() {
			different = append(different, p)
		}
		seen[p] = true
	}
	found := make(map[place]item, len(different))
	for some := range slices.Chunk(different, maxBatchGet) {
		if err := s.readInto(ctx, op, found, some); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// readInto reads up to maxBatchGet items. Keys that an answer leaves
// unprocessed are asked for again, until the call's time is over.
func (s *Store) readInto(ctx context.Context, op string, found map[place]item, places []place) error {
	open := map[string]types.KeysAndAttributes{}
	for _, p := range places {
		of := open[p.table]
		of.ConsistentRead, of.Keys = aws.Bool(true), append(of.Keys, key(p.pk, p.sk))
		open[p.table] = of
	}
	return s.call(ctx, op, repeatable, func(ctx context.Context) error {
		out, err := s.client.BatchGetItem(ctx, &dynamodb.BatchGetItemInput{RequestItems: open})
		if err != nil {
			return err
		}
		for table, items := range out.Responses {
			for _, it := range items {
				d := decoder{item: it}
				found[place{table, d.str(attrPK), d.str(attrSK)}] = it
			}
		}
		if len(out.UnprocessedKeys) > 0 {
			open = out.UnprocessedKeys
			return errUnprocessed
		}
		return nil
	})
}

func (s *Store) accountPlace(a webhook.Account) place {
	return place{*s.table, accountPK(a), accountSort}
}

func (s *Store) webhookPlace(x webhook.Subject) place {
	return place{*s.table, accountPK(x.Account), eventPrefix + x.Event}
}

// Targets implements store.Deliveries: one BatchGetItem for up to 100
// different webhooks and accounts, two for more.
func (s *Store) Targets(ctx context.Context, subjects []webhook.Subject) ([]webhook.Target, error) {
	op := fmt.Sprintf("read targets of %d subjects", len(subjects))
	places := make([]place, 0, 2*len(subjects))
	for _, x := range subjects {
		places = append(places, s.webhookPlace(x), s.accountPlace(x.Account))
	}
	found, err := s.read(ctx, op, places)
	if err != nil {
		return nil, err
	}
	targets := make([]webhook.Target, len(subjects))
	for i, x := range subjects {
		if targets[i], err = s.target(found, x); err != nil {
			return nil, fmt.Errorf("%s: %w", op, err)
		}
	}
	return targets, nil
}

// target gives what was found of a subject. Each target has bytes of its own.
func (s *Store) target(found map[place]item, x webhook.Subject) (t webhook.Target, err error) {
	if it, there := found[s.webhookPlace(x)]; there {
		if t.Webhook, err = decodeWebhook(x.Account, it); err != nil {
			return webhook.Target{}, err
		}
	}
	if it, there := found[s.accountPlace(x.Account)]; there {
		if t.Account, err = decodeAccount(x.Account, it); err != nil {
			return webhook.Target{}, err
		}
	}
	return t, nil
}

// Task implements store.Deliveries: one BatchGetItem for everything, and a
// second one only if the message names another payload or event than the
// record, which those that this store's records give never do.
func (s *Store) Task(ctx context.Context, m webhook.Message) (webhook.Task, error) {
	op := fmt.Sprintf("read task of delivery %.64q of %v", m.ID, m.Account)
	if s.deliveries == nil {
		return webhook.Task{}, fmt.Errorf("%s: %w", op, errNoDeliveries)
	}
	pk, sk, ok := deliveryKey(m.Account, m.ID)
	if !ok {
		return webhook.Task{}, fmt.Errorf("%s: %w", op, webhook.ErrNotFound)
	}
	record := place{*s.deliveries, pk, sk}
	payload := func(ref string) place { return place{*s.deliveries, pk, payloadSort(m.ID, ref)} }
	places := []place{record, s.webhookPlace(m.Subject()), s.accountPlace(m.Account)}
	if m.PayloadRef != "" {
		places = append(places, payload(m.PayloadRef))
	}
	found, err := s.read(ctx, op, places)
	if err != nil {
		return webhook.Task{}, err
	}
	if it, there := found[record]; !there || s.expired(it) {
		return webhook.Task{}, fmt.Errorf("%s: %w", op, webhook.ErrNotFound)
	}
	d, err := decodeDelivery(m.Account, found[record])
	if err != nil {
		return webhook.Task{}, fmt.Errorf("%s: %w", op, err)
	}
	if d.PayloadRef != m.PayloadRef && d.PayloadRef != "" || d.Event != m.Event {
		if found, err = s.read(ctx, op, []place{payload(d.PayloadRef), s.webhookPlace(d.Subject()), s.accountPlace(m.Account)}); err != nil {
			return webhook.Task{}, err
		}
	}
	if d.PayloadRef != "" {
		if d.Payload, err = decodePayload(found[payload(d.PayloadRef)]); err != nil {
			return webhook.Task{}, fmt.Errorf("%s: %w", op, err)
		}
	}
	target, err := s.target(found, d.Subject())
	if err != nil {
		return webhook.Task{}, fmt.Errorf("%s: %w", op, err)
	}
	return webhook.Task{Delivery: d, Target: target}, nil
}
