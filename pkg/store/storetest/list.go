package storetest

import (
	"slices"
	"strings"
	"testing"

	"github.com/hookline/hookline/pkg/webhook"
)

// byteOrder are names in the order of their bytes, which is every list's.
var byteOrder = []string{"-", "0", "10", "9", "A", "B", "Z", "_", "a", "a-", "a-b", "a0", "aB", "a_", "aa", "z"}

// shuffled gives byteOrder in another order.
func shuffled() []string {
	names := slices.Clone(byteOrder)
	slices.Reverse(names)
	half := len(names) / 2
	return slices.Concat(names[half:], names[:half])
}

// Webhooks are listed by event, in the order of its bytes.
func testList(t *testing.T, s *suite) {
	account := newAccount()
	made := map[string]webhook.Webhook{}
	for _, event := range shuffled() {
		made[event] = newWebhook(account, event)
		s.mustCreate(t, creation(made[event]))
	}
	var want []webhook.Webhook
	for _, event := range byteOrder {
		want = append(want, made[event])
	}
	s.mustHold(t, account, want...)
}

// A list past 1 MB comes whole: 500 webhooks with URLs of 2,500 bytes.
func testListLarge(t *testing.T, s *suite) {
	const count, urlLength = 500, 2500
	account := newAccount()
	var want []webhook.Webhook
	for chunk := range slices.Chunk(numbered("event", count), batchSize) {
		batch := newBatch(account, chunk...)
		for i := range batch {
			batch[i].URL += "/" + strings.Repeat("x", urlLength-len(batch[i].URL)-1)
		}
		s.mustCreate(t, creation(batch...))
		want = append(want, batch...)
	}
	s.mustHold(t, account, want...)
}
