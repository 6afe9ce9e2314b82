// Package sqs carries messages through Amazon SQS, to the function that
// makes attempts.
//
// The queue is a standard one. Messages may arrive late, doubled or in another
// order, and never early. Each is of the group of its account: SQS fair queues
// see by that who is noisy, and let the others' messages pass. What SQS did
// not take is told by Send and left to the sweeper.
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
	// usually waits and an attempt lasts, short enough that a lost one is not
	// late by much.
	lease = 120 * time.Second
	// batchSize is how many messages SendMessageBatch takes. Ten of the
	// longest are far below its limit in bytes.
	batchSize = 10
	// maxDelay is the longest DelaySeconds (Amazon SQS API Reference,
	// SendMessageBatchRequestEntry).
	maxDelay = 900 * time.Second
	// atOnce is how many batches are on their way at the same time.
	atOnce = 8
	// timeout bounds the sending of one batch, all tries together, where the
	// caller's deadline does not.
	timeout = 10 * time.Second
)

// Config is what a Queue is made of. All fields are needed.
type Config struct {
	Client   *awssqs.Client
	QueueURL string
	Now      func() time.Time
}

// Queue is an SQS queue, for those who send. It is safe for concurrent use.
type Queue struct{ Config }

// New gives the queue. The error wraps webhook.ErrInvalid and names what is
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
	return &Queue{cfg}, nil
}

// Lease is how long an attempt is left to the queue: the same for everyone,
// since SQS has room for all.
func (*Queue) Lease(webhook.EventKey) (time.Duration, bool) { return lease, true }

// Full is always false: SQS has room for all.
func (*Queue) Full() bool { return false }

// Send hands over messages, in batches of ten, several at once. Each arrives
// within the second after its At, or later. The error says how many were not
// taken, as far as that is known: after a lost answer they may arrive all the
// same. It wraps webhook.ErrInvalid for messages that are wrong or more than
// 15 minutes ahead; the others are sent.
func (q *Queue) Send(ctx context.Context, messages []webhook.Message) error {
	var sum tally
	entries := make([]types.SendMessageBatchRequestEntry, 0, len(messages))
	now := q.Now()
	for _, m := range messages {
		entry, err := newEntry(m, now)
		if err != nil {
			sum.add(1, err)
			continue
		}
		entries = append(entries, entry)
	}
	var group errgroup.Group
	group.SetLimit(atOnce)
	for batch := range slices.Chunk(entries, batchSize) {
		group.Go(func() error {
			sum.add(q.sendBatch(ctx, batch))
			return nil
		})
	}
	_ = group.Wait() // what failed is in the sum
	if sum.lost > 0 {
		return fmt.Errorf("send to SQS: %d of %d messages not taken: %w", sum.lost, len(messages), errors.Join(sum.causes...))
	}
	return nil
}

// newEntry gives a message as it is sent. The delay is rounded up, since a
// message that comes early is dropped.
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

// sendBatch sends up to ten messages, and gives how many were not taken and
// why.
func (q *Queue) sendBatch(ctx context.Context, batch []types.SendMessageBatchRequestEntry) (lost int, err error) {
	for i := range batch {
		batch[i].Id = aws.String(strconv.Itoa(i))
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	response, err := q.Client.SendMessageBatch(ctx, &awssqs.SendMessageBatchInput{QueueUrl: &q.QueueURL, Entries: batch})
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

// batchError says why messages of a batch were not taken: by their own fault,
// which sending again does not heal, or by SQS's. Its words are left out,
// since they may quote the message.
func batchError(failed []types.BatchResultErrorEntry, lost int) error {
	if lost == 0 {
		return nil
	}
	var reasons []string
	for _, entry := range failed {
		whose := "a fault of SQS"
		if entry.SenderFault {
			whose = "our fault"
		}
		reasons = append(reasons, aws.ToString(entry.Code)+", "+whose)
	}
	if len(reasons) == 0 {
		return errors.New("SQS says nothing of them")
	}
	slices.Sort(reasons)
	return fmt.Errorf("refused: %v", slices.Compact(reasons))
}

// tally sums up what was not taken.
type tally struct {
	mu     sync.Mutex
	lost   int
	causes []error
}

// maxCauses is how many reasons an error lists: of many batches most fail for
// the same.
const maxCauses = 3

func (t *tally) add(lost int, cause error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lost += lost
	if cause != nil && len(t.causes) < maxCauses {
		t.causes = append(t.causes, cause)
	}
}
