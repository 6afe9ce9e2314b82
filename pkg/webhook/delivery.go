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
// Name, ID and Time are its identity: published again it is the same delivery.
type Event struct {
	Account Account
	Name    string
	// ID is the publisher's id of the event, 1 to 128 characters; one is made
	// for an event that came without.
	ID string
	// Time is when it happened, to the millisecond.
	Time time.Time
	// Instance is what the event is about, such as an order's code (Shoptet).
	Instance string
	// Payload is JSON as the publisher spelled it, without white space around
	// its tokens; nil for none.
	Payload []byte
}

// Delivery is an event on its way to a webhook. An account has at most one
// webhook per event, so an event becomes at most one delivery.
type Delivery struct {
	Account Account
	Event   string
	// EventID is the publisher's id of the event.
	EventID string
	// Time is when the event happened, to the millisecond.
	Time time.Time
	// Number is an id below 2^53 for APIs that show one (Shoptet).
	Number int64
	// Instance is what the event is about, such as an order's code.
	Instance string
	// Payload is the event's. Lists leave it out.
	Payload []byte
	// Content tells events of one identity apart that differ in instance or
	// payload: see Event.Content.
	Content string
	// PayloadRef says where the store keeps a payload apart from the record;
	// empty where it does not. The store sets it.
	PayloadRef string
	// WebhookID and URL are those of the webhook at acceptance.
	WebhookID, URL string
	AcceptedAt     time.Time
	// Attempts counts them, AttemptedAt is the latest; zero before the first.
	Attempts    int64
	AttemptedAt time.Time
	Status      Status
	// Next is the time of the attempt that is to come, and Due is when the
	// sweeper looks whether it was made. Both are zero when none is to come:
	// see Open.
	Next, Due time.Time
	// Sends counts how often the sweeper sent for the attempt at Next.
	Sends int64
	// StatusCode is what the latest attempt was answered with, 0 for none.
	StatusCode int
	// Reason says in a few words why the latest attempt failed or the delivery
	// was cancelled; empty after a success, and before the first attempt of one
	// that was not cancelled.
	Reason string
}

// ID names the delivery within its account: 44 hex digits made from the
// event's identity, so that it is the same however often the event is
// published. It sorts by the event's time, and receivers get it as webhook-id.
func (d Delivery) ID() string { return deliveryID(d.Account, d.Event, d.EventID, d.Time) }

// DeliveryID is the ID of the delivery that the event becomes.
func (e Event) DeliveryID() string { return deliveryID(e.Account, e.Name, e.ID, e.Time) }

// The parts of a delivery's id: the event's time in milliseconds since 1970,
// and a hash of the rest of its identity, both as hex digits.
const (
	timeDigits = 12
	hashDigits = 32
	// MaxEventTime is the latest time in milliseconds since 1970 that an id
	// holds: in the year 10889. The earliest is 0.
	MaxEventTime = 1<<(4*timeDigits) - 1
)

func deliveryID(a Account, event, id string, at time.Time) string {
	text := make([]byte, 0, 256) // enough for most
	for _, part := range []string{a.String(), event, id} {
		text = appendPart(text, part)
	}
	hash := digest(text)
	const timeBytes = timeDigits / 2 // the lower ones of 8
	key := binary.BigEndian.AppendUint64(make([]byte, 0, 8+len(hash)), uint64(at.UnixMilli()))[8-timeBytes:]
	key = append(key, hash[:]...)
	return string(hex.AppendEncode(make([]byte, 0, timeDigits+hashDigits), key))
}

// DeliveryTime gives the time of the event that an id of a delivery holds. The
// error wraps ErrInvalid when it is none.
func DeliveryTime(id string) (time.Time, error) {
	if len(id) == timeDigits+hashDigits {
		if _, err := hex.DecodeString(id); err == nil {
			ms, _ := strconv.ParseInt(id[:timeDigits], 16, 64) // 12 hex digits
			return time.UnixMilli(ms).UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("delivery %q: %w: an id is %d hex digits", id, ErrInvalid, timeDigits+hashDigits)
}

// Content is a digest of instance and payload, 32 hex digits: two events of
// one identity with another Content are a mistake of their publisher.
func (e Event) Content() string {
	payload := e.Payload
	if payload == nil {
		payload = []byte("absent") // no JSON
	}
	text := make([]byte, 0, 2*8+len(e.Instance)+len(payload))
	hash := digest(appendPart(appendPart(text, e.Instance), payload))
	return hex.EncodeToString(hash[:])
}

// appendPart adds a part with its length before it, so that no two lists of
// parts are written alike.
func appendPart[T string | []byte](text []byte, part T) []byte {
	return append(binary.BigEndian.AppendUint64(text, uint64(len(part))), part...)
}

// digest is the first half of a SHA-256.
func digest(text []byte) (half [hashDigits / 2]byte) {
	hash := sha256.Sum256(text)
	copy(half[:], hash[:])
	return half
}

// Message asks for one attempt of a delivery. Messages may be lost, doubled,
// late or early: the record of the delivery says what is really to be done.
type Message struct {
	Account Account
	// ID is the delivery's.
	ID    string
	Event string
	// Attempt is the number of the attempt it is for, from 1.
	Attempt int64
	// At is when the attempt is due.
	At time.Time
	// PayloadRef is the delivery's.
	PayloadRef string
}

// Message asks for the delivery's next attempt.
func (d Delivery) Message() Message {
	return Message{Account: d.Account, ID: d.ID(), Event: d.Event, Attempt: d.Attempts + 1, At: d.Next, PayloadRef: d.PayloadRef}
}

// ReasonAccountDeleted is what the deliveries of a deleted account say.
const ReasonAccountDeleted = "cancelled: the account was deleted"

// Pending is what a sweeper is told of a delivery with an attempt to come.
type Pending struct {
	// Message asks for the attempt.
	Message
	// Due and Sends are the delivery's.
	Due   time.Time
	Sends int64
}

// EventKey is what a webhook is looked up by.
type EventKey struct {
	Account Account
	Event   string
}

// EventKey is the delivery's.
func (d Delivery) EventKey() EventKey { return EventKey{d.Account, d.Event} }

// EventKey is the message's.
func (m Message) EventKey() EventKey { return EventKey{m.Account, m.Event} }

// Recipient is the webhook of an event key with its account, as both stand.
// What there is none of is zero: its ID, or its CreatedAt.
type Recipient struct {
	Webhook Webhook
	Account AccountInfo
}

// AttemptInput is all that an attempt needs: the delivery with its payload, and
// where it is to go now.
type AttemptInput struct {
	Delivery Delivery
	Recipient
}

// AttemptResult asks a store to write what became of a delivery.
type AttemptResult struct {
	// Was is the delivery as it was read. The result is written only while it has
	// that many attempts.
	Was Delivery
	// Now is what it becomes. Only Attempts, AttemptedAt, Status,
	// Next, Due, Sends, StatusCode and Reason are written.
	Now Delivery
	// Stats is what the webhook's statistics are to note.
	Stats StatsUpdate
}

// StatsUpdate says what the statistics of a webhook are to note of an attempt.
type StatsUpdate uint8

// The marks there are.
const (
	NoStats StatsUpdate = iota
	// StatsFailed adds one to FailedAttempts and sets LastFailedAt.
	StatsFailed
	// StatsSent sets LastSentAt, and FailedAttempts to 0.
	StatsSent
)
