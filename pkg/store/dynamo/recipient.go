package dynamo

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

// itemKey is where an item is kept.
type itemKey struct{ table, pk, sk string }

// The longest keys in bytes (Amazon DynamoDB Developer Guide, "Quotas").
const (
	maxPK = 2048
	maxSK = 1024
)

// holds reports whether an item can be there at all. DynamoDB refuses a whole
// batch for one key that is too long, and the client writes other characters
// for those that are not UTF-8.
func (p itemKey) holds() bool {
	return len(p.pk) <= maxPK && len(p.sk) <= maxSK && utf8.ValidString(p.pk) && utf8.ValidString(p.sk)
}

// maxBatchGet is how many items one BatchGetItem may name.
const maxBatchGet = 100

// read reads items of both tables strongly consistent, those that are there:
// one BatchGetItem for each 100 different places.
func (s *Store) read(ctx context.Context, op string, keys []itemKey) (map[itemKey]item, error) {
	seen := make(map[itemKey]bool, len(keys))
	var different []itemKey
	for _, p := range keys {
		if !seen[p] && p.holds() {
			different = append(different, p)
		}
		seen[p] = true
	}
	found := make(map[itemKey]item, len(different))
	for some := range slices.Chunk(different, maxBatchGet) {
		if err := s.readInto(ctx, op, found, some); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// readInto reads up to maxBatchGet items. Keys that an answer leaves
// unprocessed are asked for again, until the call's time is over.
func (s *Store) readInto(ctx context.Context, op string, found map[itemKey]item, keys []itemKey) error {
	open := map[string]types.KeysAndAttributes{}
	for _, p := range keys {
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
				found[itemKey{table, d.str(attrPK), d.str(attrSK)}] = it
			}
		}
		if len(out.UnprocessedKeys) > 0 {
			open = out.UnprocessedKeys
			return errUnprocessed
		}
		return nil
	})
}

func (s *Store) accountKey(a webhook.Account) itemKey {
	return itemKey{*s.table, accountPK(a), accountSort}
}

func (s *Store) webhookKey(x webhook.EventKey) itemKey {
	return itemKey{*s.table, accountPK(x.Account), eventPrefix + x.Event}
}

// Recipients implements store.Deliveries: one BatchGetItem for up to 100
// different webhooks and accounts, two for more.
func (s *Store) Recipients(ctx context.Context, eventKeys []webhook.EventKey) ([]webhook.Recipient, error) {
	op := fmt.Sprintf("read targets of %d subjects", len(eventKeys))
	keys := make([]itemKey, 0, 2*len(eventKeys))
	for _, x := range eventKeys {
		keys = append(keys, s.webhookKey(x), s.accountKey(x.Account))
	}
	found, err := s.read(ctx, op, keys)
	if err != nil {
		return nil, err
	}
	recipients := make([]webhook.Recipient, len(eventKeys))
	for i, x := range eventKeys {
		if recipients[i], err = s.recipient(found, x); err != nil {
			return nil, fmt.Errorf("%s: %w", op, err)
		}
	}
	return recipients, nil
}

// recipient gives what was found of an event key. Each recipient has bytes of
// its own.
func (s *Store) recipient(found map[itemKey]item, x webhook.EventKey) (t webhook.Recipient, err error) {
	if it, there := found[s.webhookKey(x)]; there {
		if t.Webhook, err = decodeWebhook(x.Account, it); err != nil {
			return webhook.Recipient{}, err
		}
	}
	if it, there := found[s.accountKey(x.Account)]; there {
		if t.Account, err = decodeAccount(x.Account, it); err != nil {
			return webhook.Recipient{}, err
		}
	}
	return t, nil
}

// AttemptInput implements store.Deliveries: one BatchGetItem for everything, and a
// second one only if the message names another payload or event than the
// record, which those that this store's records give never do.
func (s *Store) AttemptInput(ctx context.Context, m webhook.Message) (webhook.AttemptInput, error) {
	op := fmt.Sprintf("read task of delivery %.64q of %v", m.ID, m.Account)
	if s.deliveries == nil {
		return webhook.AttemptInput{}, fmt.Errorf("%s: %w", op, errNoDeliveries)
	}
	pk, sk, ok := deliveryKey(m.Account, m.ID)
	if !ok {
		return webhook.AttemptInput{}, fmt.Errorf("%s: %w", op, webhook.ErrNotFound)
	}
	record := itemKey{*s.deliveries, pk, sk}
	payload := func(ref string) itemKey { return itemKey{*s.deliveries, pk, payloadSort(m.ID, ref)} }
	keys := []itemKey{record, s.webhookKey(m.EventKey()), s.accountKey(m.Account)}
	if m.PayloadRef != "" {
		keys = append(keys, payload(m.PayloadRef))
	}
	found, err := s.read(ctx, op, keys)
	if err != nil {
		return webhook.AttemptInput{}, err
	}
	if it, there := found[record]; !there || s.expired(it) {
		return webhook.AttemptInput{}, fmt.Errorf("%s: %w", op, webhook.ErrNotFound)
	}
	d, err := decodeDelivery(m.Account, found[record])
	if err != nil {
		return webhook.AttemptInput{}, fmt.Errorf("%s: %w", op, err)
	}
	if d.PayloadRef != m.PayloadRef && d.PayloadRef != "" || d.Event != m.Event {
		if found, err = s.read(ctx, op, []itemKey{payload(d.PayloadRef), s.webhookKey(d.EventKey()), s.accountKey(m.Account)}); err != nil {
			return webhook.AttemptInput{}, err
		}
	}
	if d.PayloadRef != "" {
		if d.Payload, err = decodePayload(found[payload(d.PayloadRef)]); err != nil {
			return webhook.AttemptInput{}, fmt.Errorf("%s: %w", op, err)
		}
	}
	recipient, err := s.recipient(found, d.EventKey())
	if err != nil {
		return webhook.AttemptInput{}, fmt.Errorf("%s: %w", op, err)
	}
	return webhook.AttemptInput{Delivery: d, Recipient: recipient}, nil
}
