package webhook

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strconv"
	"time"
)

// Event is something that happened, as the operator publishes it. Account,
// Name, ID and Time identify it: published again, it becomes the same delivery.
type Event struct {
	Account Account
	Name    string
	// ID is the publisher's id of the event, 1 to 128 characters. Hookline
	// makes one for an event that has none.
	ID string
	// Time is when the event happened, to the millisecond.
	Time time.Time
	// Instance is what the event is about, such as an order's code (Shoptet).
	Instance string
	// Payload is JSON as the publisher wrote it, without white space between
	// tokens. It is nil if there is none.
	Payload []byte
}

// Delivery is an event on its way to a webhook. An account has at most one
// webhook for an event, so an event becomes at most one delivery.
type Delivery struct {
	Account Account
	Event   string
	// EventID is the publisher's id of the event.
	EventID string
	// Time is when the event happened, to the millisecond.
	Time time.Time
	// Number is an id below 2^53, for APIs that show one (Shoptet).
	Number int64
	// Instance is what the event is about, such as an order's code.
	Instance string
	// Payload is the event's payload. Lists omit it.
	Payload []byte
	// Content tells apart events of the same identity that differ in instance
	// or payload: see [Event.Content].
	Content string
	// PayloadRef says where the store keeps a payload that is not part of the
	// record. It is empty otherwise. The store sets it.
	PayloadRef string
	// WebhookID and URL are those of the webhook when the event was accepted,
	// or when the operator retried the delivery.
	WebhookID, URL string
	AcceptedAt     time.Time
	// Attempts is the number of attempts made. AttemptedAt is the start of the
	// latest one, zero before the first. Duration is how long it took, to the
	// millisecond.
	Attempts    int64
	AttemptedAt time.Time
	Duration    time.Duration
	Status      Status
	// Next is the time of the next attempt. Due is when the sweeper checks
	// whether it was made. Both are zero if no attempt is to come: see
	// [Delivery.Open].
	Next, Due time.Time
	// Sends counts how often the sweeper has queued the attempt at Next.
	Sends int64
	// StatusCode is the HTTP status of the latest response, 0 if there was
	// none.
	StatusCode int
	// Reason says briefly why the latest attempt failed or the delivery was
	// cancelled. It is empty after a success, and before the first attempt
	// unless the delivery was cancelled.
	Reason string
	// Test reports that the delivery is a sample event that the operator asked
	// for. It is attempted once, changes nothing but its own record, and is not
	// shown to the customer.
	Test bool
}

// ID identifies the delivery within its account. It consists of 44 hex digits
// derived from the event's identity, so an event that is published again has
// the same ID. IDs sort by the event's time. Receivers get the ID as
// webhook-id.
func (d Delivery) ID() string { return deliveryID(d.Account, d.Event, d.EventID, d.Time) }

// DeliveryID returns the ID of the delivery that the event becomes.
func (e Event) DeliveryID() string { return deliveryID(e.Account, e.Name, e.ID, e.Time) }

// The parts of a delivery's id in hex digits: the event's time in milliseconds
// since 1970, and a hash of the rest of its identity.
const (
	timeDigits = 12
	hashDigits = 32
	// MaxEventTime is the latest event time that an id can hold, in
	// milliseconds since 1970: in the year 10889. The earliest is 0.
	MaxEventTime = 1<<(4*timeDigits) - 1
)

func deliveryID(a Account, event, id string, at time.Time) string {
	text := make([]byte, 0, 256) // enough for most
	for _, part := range []string{a.String(), event, id} {
		text = appendPart(text, part)
	}
	hash := digest(text)
	const timeBytes = timeDigits / 2 // the lower 6 of 8
	key := binary.BigEndian.AppendUint64(make([]byte, 0, 8+len(hash)), uint64(at.UnixMilli()))[8-timeBytes:]
	key = append(key, hash[:]...)
	return string(hex.AppendEncode(make([]byte, 0, timeDigits+hashDigits), key))
}

// DeliveryTime returns the event time encoded in a delivery's id. It returns an
// error that wraps [ErrInvalid] if id is not a delivery's.
func DeliveryTime(id string) (time.Time, error) {
	if len(id) == timeDigits+hashDigits {
		if _, err := hex.DecodeString(id); err == nil {
			ms, _ := strconv.ParseInt(id[:timeDigits], 16, 64) // 12 hex digits
			return time.UnixMilli(ms).UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("delivery %q: %w: an id is %d hex digits", id, ErrInvalid, timeDigits+hashDigits)
}

// Content returns a digest of instance and payload, 32 hex digits. Two events
// of the same identity with different Content are a mistake of their publisher.
func (e Event) Content() string {
	payload := e.Payload
	if payload == nil {
		payload = []byte("absent") // not valid JSON
	}
	text := make([]byte, 0, 2*8+len(e.Instance)+len(payload))
	hash := digest(appendPart(appendPart(text, e.Instance), payload))
	return hex.EncodeToString(hash[:])
}

// appendPart appends a part preceded by its length, so that different lists of
// parts never have the same encoding.
func appendPart[T string | []byte](text []byte, part T) []byte {
	return append(binary.BigEndian.AppendUint64(text, uint64(len(part))), part...)
}

// digest returns the first half of the SHA-256 of text.
func digest(text []byte) (half [hashDigits / 2]byte) {
	hash := sha256.Sum256(text)
	copy(half[:], hash[:])
	return half
}

// Message asks for one attempt of a delivery. Messages may be lost, duplicated,
// late or early: only the delivery's record says what is to be done.
type Message struct {
	Account Account
	// ID is the delivery's ID.
	ID    string
	Event string
	// Attempt is the number of the attempt, from 1.
	Attempt int64
	// At is when the attempt is due.
	At time.Time
	// PayloadRef is the delivery's PayloadRef.
	PayloadRef string
	// Fast reports that the attempt is likely to be quick: it is the first one,
	// and no record says that the webhook is slow. It is a hint to the queue,
	// which may keep such messages apart; the attempt is the same.
	Fast bool
	// Test reports that the delivery is a test. It is a hint to the queue, which
	// may be unset in what a store lists as due.
	Test bool
}

// Message returns the message that asks for the delivery's next attempt. It is
// not Fast: only a publisher knows.
func (d Delivery) Message() Message {
	return Message{
		Account: d.Account, ID: d.ID(), Event: d.Event, Attempt: d.Attempts + 1, At: d.Next, PayloadRef: d.PayloadRef, Test: d.Test,
	}
}

// ReasonAccountDeleted is the Reason of deliveries cancelled because their
// account was deleted.
const ReasonAccountDeleted = "cancelled: the account was deleted"

// ReasonWebhookDisabled is the Reason of deliveries cancelled because their
// webhook is disabled.
const ReasonWebhookDisabled = "cancelled: the webhook is disabled"

// ReasonStatus returns the Reason of an attempt that failed by the status of its
// response, if that is no redirect.
func ReasonStatus(status int) string { return "answered " + strconv.Itoa(status) }

// Held reports whether the event was stored while its webhook was disabled, and
// has not been taken up since.
func (d Delivery) Held() bool {
	return d.Status == StatusCancelled && d.Attempts == 0 && d.Reason == ReasonWebhookDisabled
}

// For returns the delivery directed to a webhook, which has its event now.
func (d Delivery) For(w Webhook) Delivery {
	d.WebhookID, d.URL = w.ID, w.URL
	return d
}

// DeliveryRange selects a page of an account's deliveries.
type DeliveryRange struct {
	// From and Until bound the times of the events: From ≤ time < Until. A zero
	// one is no bound.
	From, Until time.Time
	// After is the ID of the delivery that precedes the page. It is empty for
	// the first page. The delivery may not exist any more.
	After string
	// Limit is the maximum number of deliveries, 1 to 1000.
	Limit int
}

// Pending is what a store tells the sweeper about a delivery whose next attempt
// is to come.
type Pending struct {
	// Message asks for the next attempt.
	Message
	// Due and Sends are those of the delivery.
	Due   time.Time
	Sends int64
}

// EventKey is the key under which a webhook is looked up.
type EventKey struct {
	Account Account
	Event   string
}

// EventKey returns the key of the webhook.
func (w Webhook) EventKey() EventKey { return EventKey{w.Account, w.Event} }

// EventKey returns the key of the webhook that the delivery is for.
func (d Delivery) EventKey() EventKey { return EventKey{d.Account, d.Event} }

// EventKey returns the key of the webhook that the message is for.
func (m Message) EventKey() EventKey { return EventKey{m.Account, m.Event} }

// Recipient is the webhook of an event key and its account, as they are now. A
// webhook or account that does not exist is the zero value: its ID is empty, or
// its CreatedAt is zero.
type Recipient struct {
	Webhook Webhook
	Account AccountInfo
}

// AttemptInput is all that an attempt needs: the delivery with its payload, and
// its current recipient.
type AttemptInput struct {
	Delivery Delivery
	Recipient
}

// AttemptResult is a request to a store to record the outcome of an attempt.
type AttemptResult struct {
	// Was is the delivery as it was read. The result is recorded only if the
	// delivery still has the same Attempts, and the same Next if it is not of an
	// attempt: see Attempted.
	Was Delivery
	// Now is the delivery after the attempt. Only Attempts, AttemptedAt,
	// Duration, Status, Next, Due, Sends, StatusCode and Reason are written,
	// and WebhookID and URL if the result is not of an attempt.
	Now Delivery
	// Response is how the body of the response began, if the attempt failed:
	// see [Attempt.Response].
	Response []byte
	// Stats is the update of the statistics of the webhook of Was, which was
	// called.
	Stats StatsUpdate
	// Recovered is stored with StatsSent if the webhook is enabled and the
	// operator was told of its failures. Nil stores no notice.
	Recovered *Notice
}

// Attempted reports whether the result is of an attempt. Otherwise an attempt is
// asked for, of whichever webhook has the event now, or none is to come. Of
// several such results at once one is recorded; that of an attempt under way
// replaces it.
func (r AttemptResult) Attempted() bool { return r.Now.Attempts != r.Was.Attempts }

// StatsUpdate is what an attempt changes in the statistics of a webhook.
type StatsUpdate uint8

// The updates of statistics. NoStats leaves them unchanged.
const (
	NoStats StatsUpdate = iota
	// StatsFailed adds one to FailedAttempts and sets LastFailedAt and
	// LastStatus. The first failure after a success sets Since.
	StatsFailed
	// StatsSent sets LastSentAt and LastStatus and resets FailedAttempts to 0.
	// The first success, and the first one after a failure, sets Since. Unless
	// the webhook is disabled it resets Told.
	StatsSent
)
