// Package sqs implements a queue on Amazon SQS, which passes its messages to
// the function that makes attempts.
//
// It uses two standard queues, one for each lane, so that attempts that are
// likely to be quick never wait for others. Messages may arrive late, duplicated or in another
// order, but never early. Each message belongs to the group of its account, so
// that SQS fair queues recognise a noisy account and let the others' messages
// pass. Send reports messages that SQS did not accept; the sweeper sends them
// again.
package sqs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awssqs "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"golang.org/x/sync/errgroup"

	"github.com/hookline/hookline/pkg/webhook"
)

const (
	// lease is how long an attempt is left to the queue: longer than a message
	// usually waits and an attempt takes, but short enough that a lost message
	// does not delay it much.
	lease = 120 * time.Second
	// batchSize is how many messages one SendMessageBatch may have. Ten of the
	// longest are far below its limit in bytes.
	batchSize = 10
	// maxDelay is the maximum DelaySeconds (Amazon SQS API Reference,
	// SendMessageBatchRequestEntry).
	maxDelay = 900 * time.Second
	// atOnce is how many batches are sent concurrently.
	atOnce = 8
	// timeout bounds the sending of one batch, including all tries, unless the
	// caller's deadline is earlier.
	timeout = 10 * time.Second
)

// Config configures a Queue. All fields but SlowQueueURL are required.
type Config struct {
	Client *awssqs.Client
	// QueueURL is the URL of the queue for Fast messages, SlowQueueURL that for
	// all others. If there is no SlowQueueURL, all are sent to QueueURL.
	QueueURL, SlowQueueURL string
	Now                    func() time.Time
}

// Queue is SQS, for those who send. It is safe for concurrent use.
type Queue struct {
	// sendBatch is the client's one operation that is needed. The client itself is
	// not kept: see calls in package dynamo.
	send       func(context.Context, *awssqs.SendMessageBatchInput, ...func(*awssqs.Options)) (*awssqs.SendMessageBatchOutput, error)
	fast, slow string // the queues' URLs
	now        func() time.Time
}

// New returns a Queue. The error wraps [webhook.ErrInvalid] and names what is
// missing.
func New(cfg Config) (*Queue, error) {
	var missing []error
	if cfg.Client == nil {
		missing = append(missing, errors.New("no client"))
	}
	if cfg.QueueURL == "" {
		missing = append(missing, errors.New("no queue URL"))
	}
	if cfg.Now == nil {
		missing = append(missing, errors.New("no clock"))
	}
	if len(missing) > 0 {
		return nil, fmt.Errorf("SQS queue: %w: %w", webhook.ErrInvalid, errors.Join(missing...))
	}
	if cfg.SlowQueueURL == "" {
		cfg.SlowQueueURL = cfg.QueueURL
	}
	return &Queue{cfg.Client.SendMessageBatch, cfg.QueueURL, cfg.SlowQueueURL, cfg.Now}, nil
}

// Lease returns how long an attempt is left to the queue. It is the same for
// all, since SQS has room for all.
func (*Queue) Lease(webhook.EventKey) (time.Duration, bool) { return lease, true }

// Full returns false: SQS always has room.
func (*Queue) Full() bool { return false }

// Send sends messages in batches of ten, several concurrently. Each arrives
// within the second after its At, or later. The error says how many were not
// accepted as far as is known: after a lost response they may still arrive. It
// wraps [webhook.ErrInvalid] for messages that are invalid or more than 15
// minutes ahead; Send sends the others.
func (q *Queue) Send(ctx context.Context, messages []webhook.Message) error {
	var sum tally
	lanes := map[string][]types.SendMessageBatchRequestEntry{}
	now := q.now()
	for _, m := range messages {
		entry, err := newEntry(m, now)
		if err != nil {
			sum.add(1, err)
			continue
		}
		lane := q.slow
		if m.Fast {
			lane = q.fast
		}
		lanes[lane] = append(lanes[lane], entry)
	}
	var group errgroup.Group
	group.SetLimit(atOnce)
	for lane, entries := range lanes {
		for batch := range slices.Chunk(entries, batchSize) {
			group.Go(func() error {
				sum.add(q.sendBatch(ctx, lane, batch))
				return nil
			})
		}
	}
	_ = group.Wait() // failures are in the tally
	if sum.lost > 0 {
		return fmt.Errorf("send to SQS: %d of %d messages not taken: %w", sum.lost, len(messages), errors.Join(sum.causes...))
	}
	return nil
}

// newEntry returns a message as it is sent. The delay is rounded up, because a
// message that arrives early is dropped.
func newEntry(m webhook.Message, now time.Time) (types.SendMessageBatchRequestEntry, error) {
	body, err := Encode(m)
	if err != nil {
		return types.SendMessageBatchRequestEntry{}, err
	}
	delay := max(m.At.Sub(now), 0)
	if delay > maxDelay {
		return types.SendMessageBatchRequestEntry{}, fmt.Errorf("%w: more than %v ahead of its time", webhook.ErrInvalid, maxDelay)
	}
	return types.SendMessageBatchRequestEntry{
		MessageBody:    &body,
		MessageGroupId: aws.String(m.Account.String()),
		DelaySeconds:   int32((delay + time.Second - 1) / time.Second),
	}, nil
}

// sendBatch sends up to ten messages to a lane's queue. It returns how many were
// not accepted and why.
func (q *Queue) sendBatch(ctx context.Context, lane string, batch []types.SendMessageBatchRequestEntry) (lost int, err error) {
	for i := range batch {
		batch[i].Id = aws.String(strconv.Itoa(i))
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	response, err := q.send(ctx, &awssqs.SendMessageBatchInput{QueueUrl: &lane, Entries: batch})
	if err != nil {
		return len(batch), err
	}
	taken := map[string]bool{}
	for _, entry := range response.Successful {
		taken[aws.ToString(entry.Id)] = true
	}
	for _, entry := range batch {
		if !taken[*entry.Id] {
			lost++
		}
	}
	return lost, batchError(response.Failed, lost)
}

// batchError says why messages of a batch were not accepted: because they are
// invalid, so that repeating is useless, or because SQS failed. It omits SQS's
// text, which may quote the message.
func batchError(failed []types.BatchResultErrorEntry, lost int) error {
	if lost == 0 {
		return nil
	}
	var reasons []string
	for _, entry := range failed {
		whose := "an error of SQS"
		if entry.SenderFault {
			whose = "an error of Hookline"
		}
		reasons = append(reasons, aws.ToString(entry.Code)+", "+whose)
	}
	if len(reasons) == 0 {
		return errors.New("SQS says nothing of them")
	}
	slices.Sort(reasons)
	return fmt.Errorf("refused: %v", slices.Compact(reasons))
}

// tally sums up the messages that were not accepted.
type tally struct {
	mu     sync.Mutex
	lost   int
	causes []error
}

// maxCauses is how many causes an error lists. Batches mostly fail for the same
// one.
const maxCauses = 3

func (t *tally) add(lost int, cause error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lost += lost
	if cause != nil && len(t.causes) < maxCauses {
		t.causes = append(t.causes, cause)
	}
}
