// Package storetest holds every store.Store to what package store promises.
// It is the only place that says what a store does: an implementation's own
// tests add what is particular to it, faults and speed.
//
// The suite opens one store and uses accounts, tokens and keys of random
// names, so the store may hold other data and be shared between suites.
package storetest

import (
	"context"
	"crypto/rand"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hookline/hookline/pkg/store"
	"github.com/hookline/hookline/pkg/webhook"
)

// Options tune the suite. The zero value is fit for every run.
type Options struct {
	// Rounds is how often each race is run, 20 if zero; 200 before a release.
	Rounds int
	// OnePart says that all that is due comes in one order, the earliest
	// first, and not only within each part of the store.
	OnePart bool
	// Limits says that the store itself bounds how many webhooks an account
	// has.
	Limits bool
}

const (
	defaultRounds = 20
	// contestants is how many requests race for one event.
	contestants = 64
	// timeout bounds the store calls of one subtest: only a store that hangs
	// takes so long, also on a busy machine.
	timeout = 10 * time.Minute
)

// suite is what every subtest gets.
type suite struct {
	store.Store
	rounds  int
	onePart bool
	limits  bool
	// moments counts those that were given.
	moments atomic.Int64
}

// Run opens one store and runs the whole suite on it as parallel subtests. It
// returns when all have ended; whatever open has t clean up comes after that.
func Run(t *testing.T, open func(t *testing.T) store.Store, o Options) {
	t.Helper()
	if o.Rounds == 0 {
		o.Rounds = defaultRounds
	}
	s := &suite{Store: open(t), rounds: o.Rounds, onePart: o.OnePart, limits: o.Limits}
	t.Run("store", func(t *testing.T) {
		for _, tests := range []map[string]func(*testing.T, *suite){registrationTests(), changeTests(), accountTests(), deliveryTests(), sendingTests()} {
			for name, test := range tests {
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					test(t, s)
				})
			}
		}
	})
}

// registrationTests are of creating and listing webhooks.
func registrationTests() map[string]func(*testing.T, *suite) {
	return map[string]func(*testing.T, *suite){
		"Claim":          testRequestID,
		"ClaimSequence":  testRequestIDSequence,
		"Batch":          testBatch,
		"BatchConflict":  testBatchConflict,
		"BatchRace":      testBatchRace,
		"Exclusion":      testExclusion,
		"ExclusionOrder": testExclusionOrder,
		"ExclusionTaken": testExclusionTaken,
		"ExclusionRace":  testExclusionRace,
		"Own":            testOwn,
		"OwnBatch":       testOwnBatch,
		"OwnPartly":      testOwnPartly,
		"OwnExcluded":    testOwnExclusions,
		"Isolation":      testIsolation,
		"IsolationKinds": testIsolationKinds,
		"Fields":         testFields,
		"EveryField":     testEveryField,
		"FieldsStored":   testFieldsStored,
		"List":           testList,
		"ListLarge":      testListLarge,
		"ByID":           testByID,
		"TooMany":        testTooMany,
		"TooManyRace":    testTooManyRace,
	}
}

// changeTests are of reading, changing and deleting webhooks.
func changeTests() map[string]func(*testing.T, *suite) {
	return map[string]func(*testing.T, *suite){
		"Webhook":            testWebhook,
		"ChangeFields":       testChangeFields,
		"ChangeStored":       testChangeStored,
		"ChangeStatistics":   testChangeStatistics,
		"ChangeRefused":      testChangeRefused,
		"ChangeGroup":        testChangeGroup,
		"ChangeGroupRefused": testChangeGroupRefused,
		"ChangeSwap":         testChangeSwap,
		"ChangeRace":         testChangeRace,
		"Move":               testMove,
		"MoveTaken":          testMoveTaken,
		"MoveRace":           testMoveRace,
		"MoveCreateRace":     testMoveCreateRace,
		"MoveHolds":          testMoveHolds,
		"MoveCrossed":        testMoveCrossed,
		"MoveAwayRace":       testMoveAwayRace,
		"MoveFollowRace":     testMoveFollowRace,
		"Delete":             testDelete,
		"DeleteExclusion":    testDeleteExclusion,
		"DeleteGroup":        testDeleteGroup,
		"DeleteRace":         testDeleteRace,
		"DeleteChangeRace":   testDeleteChangeRace,
		"FreedRace":          testFreedRace,
	}
}

// accountTests are of accounts, their tokens and keys, sealing keys, and of
// contexts that end.
func accountTests() map[string]func(*testing.T, *suite) {
	return map[string]func(*testing.T, *suite){
		"AccountKey":        testAccountKey,
		"AccountKeyRefused": testAccountKeyRefused,
		"AccountKeyRace":    testAccountKeyRace,
		"AccountsAfter":     testAccountsAfter,
		"CloseAccount":      testCloseAccount,
		"ClosingAccounts":   testClosingAccounts,
		"CloseTokenRace":    testCloseTokenRace,
		"DeleteAccount":     testDeleteAccount,
		"Accounts":          testAccounts,
		"AccountRace":       testAccountRace,
		"Tokens":            testTokens,
		"TokenFields":       testTokenFields,
		"TokenDuplicates":   testTokenDuplicates,
		"TokenRevoke":       testTokenRevoke,
		"SealingKeys":       testSealingKeys,
		"SealingKeyRace":    testSealingKeyRace,
		"Cancelled":         testCancelled,
		"CancelledMidway":   testCancelledMidway,
	}
}

// deliveryTests are of deliveries.
func deliveryTests() map[string]func(*testing.T, *suite) {
	return map[string]func(*testing.T, *suite){
		"DeliveryFields":      testDeliveryFields,
		"DeliveryOrder":       testDeliveryOrder,
		"DeliveryTimes":       testDeliveryTimes,
		"DeliveryTies":        testDeliveryTies,
		"DeliveryIdentity":    testDeliveryIdentity,
		"DeliveryRace":        testDeliveryRace,
		"DeliveryIsolation":   testDeliveryIsolation,
		"DeliveriesLarge":     testDeliveriesLarge,
		"DeliveryPages":       testDeliveryPages,
		"DeliveryPagesDuring": testDeliveryPagesMeanwhile,
		"DeliveriesYield":     testDeliveriesYield,
		"DeliveriesCancelled": testDeliveriesCancelled,
		"DeliveryInvalid":     testDeliveryInvalid,
		"DeliveryUnknown":     testDeliveryUnknown,
		"Payload":             testPayload,
		"PayloadStored":       testPayloadStored,
		"PayloadFirst":        testPayloadFirst,
		"PayloadRace":         testPayloadRace,
	}
}

// sendingTests are of attempting deliveries, and of finding those to attempt.
func sendingTests() map[string]func(*testing.T, *suite) {
	return map[string]func(*testing.T, *suite){
		"Recipients":          testRecipients,
		"RecipientsNow":       testRecipientsNow,
		"RecipientsMany":      testRecipientsMany,
		"AttemptInput":        testInput,
		"AttemptInputUnknown": testInputUnknown,
		"RecordAttempt":       testRecord,
		"RecordLeaves":        testRecordLeaves,
		"Statuses":            testStatuses,
		"RecordChanged":       testRecordChanged,
		"RecordUnknown":       testRecordUnknown,
		"RecordRace":          testRecordRace,
		"RecordSequence":      testRecordSequence,
		"Attempts":            testAttempts,
		"AttemptsRefused":     testAttemptsRefused,
		"AttemptsRace":        testAttemptsRace,
		"Statistics":          testStats,
		"StatisticsElsewhere": testStatsElsewhere,
		"StatisticsChange":    testStatsChange,
		"StatisticsRace":      testStatsRace,
		"Slow":                testSlow,
		"SlowRefused":         testSlowRefused,
		"SlowRace":            testSlowRace,
		"Failing":             testFailing,
		"FailingPages":        testFailingPages,
		"Notices":             testNotices,
		"NoticeOfChange":      testNoticeOfChange,
		"NoticeRace":          testNoticeRace,
		"DueWindow":           testDueWindow,
		"DueMoves":            testDueMoves,
		"DueMany":             testDueMany,
		"DueStop":             testDueStop,
		"DueYield":            testDueYield,
		"DueCancelled":        testDueCancelled,
		"Lease":               testLease,
		"LeaseChanged":        testLeaseChanged,
		"LeaseRace":           testLeaseRace,
		"LeaseRecordRace":     testLeaseRecordRace,
		"TestMark":            testMark,
		"SendingCancelled":    testSendingCancelled,
	}
}

// context bounds the store calls of a test, so that a store that hangs fails.
func (s *suite) context(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	t.Cleanup(cancel)
	return ctx
}

// at is the time that made-up records carry: already to the millisecond.
var at = time.Date(2026, 3, 4, 5, 6, 7, 89e6, time.UTC)

// newID makes an id that no other test uses.
func newID() string { return rand.Text() }

// newAccount names an account that nothing else uses, in an API of its own.
func newAccount() webhook.Account {
	return webhook.Account{API: webhook.API("t" + newID()), ID: newID()}
}

// newWebhook makes a record as the registry would.
func newWebhook(a webhook.Account, event string) webhook.Webhook {
	id := newID()
	return webhook.Webhook{
		Account: a, Event: event, ID: id, RequestID: newID(), URL: "https://receiver.example/" + id,
		SealedKey: []byte("sealed " + id), Version: 1, CreatedAt: at,
	}
}

// newBatch makes a record for each event, with their places.
func newBatch(a webhook.Account, events ...string) []webhook.Webhook {
	batch := make([]webhook.Webhook, len(events))
	for i, event := range events {
		batch[i] = newWebhook(a, event)
		batch[i].Position = i
	}
	return batch
}

// creation asks for ws and nothing else.
func creation(ws ...webhook.Webhook) webhook.Creation { return webhook.Creation{Webhooks: ws} }

// mustCreate stores c, fails the test if that fails, and returns the records.
func (s *suite) mustCreate(t *testing.T, c webhook.Creation) []webhook.Webhook {
	t.Helper()
	got, err := s.Create(s.context(t), c)
	if err != nil {
		t.Fatalf("Create: %v", err)
	}
	return got
}

// mustHold fails the test unless the account has exactly want, in that order.
func (s *suite) mustHold(t *testing.T, a webhook.Account, want ...webhook.Webhook) {
	t.Helper()
	got, err := s.Webhooks(s.context(t), a)
	if err != nil {
		t.Fatalf("Webhooks(%v): %v", a, err)
	}
	same(t, fmt.Sprintf("webhooks of %v", a), got, want)
}

// same fails the test unless got and want have the same elements in order.
func same[T any](t *testing.T, what string, got, want []T) {
	t.Helper()
	if len(got) == 0 && len(want) == 0 {
		return
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("%s differ (-want +got):\n%s", what, diff)
	}
}

// mustBeUTC fails the test if a time is in another zone: cmp does not tell.
func mustBeUTC(t *testing.T, times ...time.Time) {
	t.Helper()
	for _, at := range times {
		if at.Location() != time.UTC {
			t.Errorf("time %v is in zone %v, want UTC", at, at.Location())
		}
	}
}

// race calls do(0) to do(n-1) at once and waits for all of them.
func race(n int, do func(i int)) {
	var wait sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		wait.Go(func() {
			<-start
			do(i)
		})
	}
	close(start)
	wait.Wait()
}
