package dynamo

import (
	"crypto/sha256"
	"fmt"
	"strings"
	"time"

	"github.com/hookline/hookline/pkg/webhook"
)

// The layout of the table of deliveries. An account's deliveries are ordered by
// the times of their events.
//
//	item      pk                     sk                    attributes
//	delivery  A#<api>#<account>  D#<id[:12]>#<id[12:]> i y l u h c q n k b f a t d s p j x m o r g z w due
//	payload   A#<api>#<account>  P#<id>#<its digest>   b z
//	attempt   A#<api>#<account>  R#<id>#<see attemptSort> a t d o r b z
//	link      L#<sha256, hex>    LINK                     a r e z c pe sd
//	session   S#<sha256, hex>    SESSION                  a r e z c pe
//
// A payload that would make its delivery cost more than one write unit is an
// item of its own, since DynamoDB bills the whole item at each update.
//
// The index named due has the partition key w and the sort key due. Only
// deliveries whose Due is set have these attributes and are in the index. It
// projects what the sweeper needs.
const (
	attrEventID     = "i" // S: the publisher's id of the event
	attrEvent       = "y" // S
	attrInstance    = "l" // S: absent for none
	attrDeliveryURL = "u" // S: at acceptance
	attrWebhook     = "h" // S: the webhook's id at acceptance
	attrAcceptedAt  = "c" // N: time of acceptance
	attrAcceptance  = "q" // S: names the call that added the delivery
	attrNumber      = "n" // N: absent for 0
	attrContent     = "k" // S: absent for none
	attrBody        = "b" // B: the payload, or the response to an attempt; absent for none
	attrBodyRef     = "f" // S: the digest of a payload item; absent for none
	attrAttempts    = "a" // N: absent for 0; of an attempt its number
	attrAttemptedAt = "t" // N: time of the latest attempt; absent for none
	attrDuration    = "d" // N: how long it took in milliseconds; absent for 0
	attrStatus      = "s" // N: see putStatus
	attrActive      = "p" // BOOL: see putStatus
	attrCancelled   = "j" // BOOL: see putStatus
	attrNext        = "x" // N: time of the next attempt; absent for none
	attrSends       = "m" // N: absent for 0
	attrStatusCode  = "o" // N: absent for 0
	attrReason      = "r" // S: absent for none
	attrTest        = "g" // BOOL: absent for false
	attrExpiry      = "z" // N: seconds since 1970 after which DynamoDB removes it
	attrShard       = "w" // N: 0 to 63; absent while Due is zero
	attrDue         = "due"

	deliveryPrefix  = "D#"
	afterDeliveries = deliveryPrefix + "g" // above every hex digit
	payloadPrefix   = "P#"
	attemptPrefix   = "R#"

	dueIndex = "due"
	// shards is how many partitions the index has, each of which takes 1,000
	// writes a second.
	shards = 64

	deliveryLifetime = 8 * 24 * time.Hour // from acceptance
	// payloadLead is how much longer a payload item is kept than its delivery,
	// so that it never expires first.
	payloadLead = 24 * time.Hour

	// unit is the size in bytes that DynamoDB bills as one write.
	unit = 1024
	// timeDigits is how many digits of a delivery's id are its event's time.
	timeDigits = 12
)

// resultAttributes are the attributes that RecordAttempt writes.
var resultAttributes = [...]string{
	attrAttempts, attrAttemptedAt, attrDuration, attrStatus, attrActive, attrCancelled, attrNext, attrDue, attrShard, attrSends, attrStatusCode, attrReason,
}

// projected are the attributes that the index has besides its keys and those of
// the table.
var projected = [...]string{attrEvent, attrAttempts, attrNext, attrSends, attrBodyRef, attrExpiry}

// deliveryKey returns the key of a delivery. ok is false if id is not a
// delivery's.
func deliveryKey(a webhook.Account, id string) (pk, sk string, ok bool) {
	if _, err := webhook.DeliveryTime(id); err != nil {
		return "", "", false
	}
	return accountPK(a), deliveryPrefix + id[:timeDigits] + "#" + id[timeDigits:], true
}

func payloadSort(id, ref string) string { return payloadPrefix + id + "#" + ref }

// shard returns the delivery's partition of the index.
func shard(pk, id string) int64 {
	hash := sha256.Sum256([]byte(pk + id))
	return int64(hash[0]) % shards
}

// encodeDelivery returns the record of a new delivery, and its payload item if
// it has one.
func encodeDelivery(d webhook.Delivery) (record, payload item) {
	record = encodeRecord(d)
	if len(d.Payload) == 0 {
		return record, nil
	}
	putBytes(record, attrBody, d.Payload)
	if billed(record)+roomFor(d) <= unit {
		return record, nil
	}
	delete(record, attrBody)
	// Use the payload's own digest instead of the delivery's Content, so that
	// two payloads never have the same key.
	ref := webhook.Event{Instance: d.Instance, Payload: d.Payload}.Content()
	record[attrBodyRef] = str(ref)
	payload = key(accountPK(d.Account), payloadSort(d.ID(), ref))
	putBytes(payload, attrBody, d.Payload)
	payload[attrExpiry] = num(d.AcceptedAt.Add(deliveryLifetime + payloadLead).Unix())
	return record, payload
}

// roomFor returns by how many bytes the record of a delivery may grow, through
// the mark of its acceptance and through attempts.
func roomFor(d webhook.Delivery) int {
	const acceptance, reason = 36, 80 // the longest values in bytes
	at := d.AcceptedAt
	grown := encodeResult(d.Account, d.ID(), webhook.Delivery{
		Attempts: 99, AttemptedAt: at, Duration: time.Minute, Status: webhook.StatusRetrying, Next: at, Due: at, Sends: 99,
		StatusCode: 599, Reason: strings.Repeat("x", reason),
	})
	grown[attrAcceptance] = str(strings.Repeat("x", acceptance))
	return billed(grown) - billed(encodeResult(d.Account, d.ID(), d))
}

// encodeRecord returns a delivery's record without the payload.
func encodeRecord(d webhook.Delivery) item {
	pk, sk, _ := deliveryKey(d.Account, d.ID())
	it := encodeResult(d.Account, d.ID(), d)
	it[attrPK], it[attrSK] = str(pk), str(sk)
	it[attrEventID] = str(d.EventID)
	it[attrEvent] = str(d.Event)
	it[attrDeliveryURL] = str(d.URL)
	it[attrWebhook] = str(d.WebhookID)
	it[attrAcceptedAt] = num(d.AcceptedAt.UnixMilli())
	it[attrExpiry] = num(d.AcceptedAt.Add(deliveryLifetime).Unix()) // in seconds, as TTL requires
	putStr(it, attrInstance, d.Instance)
	putStr(it, attrContent, d.Content)
	putNum(it, attrNumber, d.Number)
	putFlag(it, attrTest, d.Test)
	return it
}

// encodeResult returns the attributes that RecordAttempt writes to a delivery.
func encodeResult(a webhook.Account, id string, d webhook.Delivery) item {
	it := item{}
	putNum(it, attrAttempts, d.Attempts)
	putTime(it, attrAttemptedAt, d.AttemptedAt)
	putNum(it, attrDuration, d.Duration.Milliseconds())
	putStatus(it, d)
	putTime(it, attrNext, d.Next)
	putTime(it, attrDue, d.Due)
	if !d.Due.IsZero() {
		it[attrShard] = num(shard(accountPK(a), id))
	}
	putNum(it, attrSends, d.Sends)
	putNum(it, attrStatusCode, int64(d.StatusCode))
	putStr(it, attrReason, d.Reason)
	return it
}

// decodeDelivery decodes a record, with the payload if it is part of it.
func decodeDelivery(a webhook.Account, it item) (webhook.Delivery, error) {
	d := decoder{item: it}
	happened, err := webhook.DeliveryTime(strings.Replace(d.sortAfter(deliveryPrefix), "#", "", 1))
	if err != nil {
		d.fail(attrSK)
	}
	delivery := webhook.Delivery{
		Account:     a,
		Event:       d.str(attrEvent),
		EventID:     d.str(attrEventID),
		Time:        happened,
		Number:      d.optionalNum(attrNumber),
		Instance:    d.optionalStr(attrInstance),
		Payload:     d.bytes(attrBody),
		Content:     d.optionalStr(attrContent),
		PayloadRef:  d.optionalStr(attrBodyRef),
		WebhookID:   d.str(attrWebhook),
		URL:         d.str(attrDeliveryURL),
		AcceptedAt:  d.time(attrAcceptedAt),
		Attempts:    d.optionalNum(attrAttempts),
		AttemptedAt: d.optionalTime(attrAttemptedAt),
		Duration:    d.duration(),
		Status:      d.status(),
		Next:        d.optionalTime(attrNext),
		Due:         d.optionalTime(attrDue),
		Sends:       d.optionalNum(attrSends),
		StatusCode:  int(d.optionalNum(attrStatusCode)),
		Reason:      d.optionalStr(attrReason),
		Test:        d.flag(attrTest),
	}
	if d.err != nil {
		return webhook.Delivery{}, fmt.Errorf("delivery of %v: %w", a, d.err)
	}
	return delivery, nil
}

// decodePending decodes an entry of the index.
func decodePending(it item) (webhook.Pending, error) {
	d := decoder{item: it}
	api, account, parted := strings.Cut(d.after(attrPK, accountPrefix), "#")
	if !parted {
		d.fail(attrPK)
	}
	id := strings.Replace(d.sortAfter(deliveryPrefix), "#", "", 1)
	if _, err := webhook.DeliveryTime(id); err != nil {
		d.fail(attrSK)
	}
	p := webhook.Pending{
		Message: webhook.Message{
			Account:    webhook.Account{API: webhook.API(api), ID: account},
			ID:         id,
			Event:      d.str(attrEvent),
			Attempt:    d.optionalNum(attrAttempts) + 1,
			At:         d.optionalTime(attrNext),
			PayloadRef: d.optionalStr(attrBodyRef),
		},
		Due:   d.time(attrDue),
		Sends: d.optionalNum(attrSends),
	}
	if d.err != nil {
		return webhook.Pending{}, fmt.Errorf("entry of the index of due deliveries: %w", d.err)
	}
	return p, nil
}

// expired reports whether an item has expired. DynamoDB removes it days later.
func (s *Store) expired(it item) bool {
	d := decoder{item: it}
	expiry := d.num(attrExpiry)
	return d.err == nil && expiry <= s.now().Unix()
}
