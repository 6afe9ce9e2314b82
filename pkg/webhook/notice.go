package webhook

import (
	"slices"
	"time"
)

// NoticeType says what a notice tells the operator. Its text is that of the
// operator's contract.
type NoticeType string

// The types of notices.
const (
	// NoticeFailing: the webhook fails for [TellFailingAfter].
	NoticeFailing NoticeType = "webhook.failing"
	// NoticeExhausted: a delivery to it failed for the last time.
	NoticeExhausted NoticeType = "webhook.exhausted"
	// NoticeDisabled: its URL answered 410, which disabled it.
	NoticeDisabled NoticeType = "webhook.disabled"
	// NoticeRecovered: it works again, after any of the others.
	NoticeRecovered NoticeType = "webhook.recovered"
)

// TellFailingAfter is how long a webhook fails until the operator is told.
const TellFailingAfter = time.Hour

// Told is the set of notices about the trouble of a webhook that were stored
// since it last worked. A webhook that works has none.
type Told uint8

// toldTypes has the type of each bit of Told. The order is that of stored data.
var toldTypes = [...]NoticeType{NoticeFailing, NoticeExhausted, NoticeDisabled}

// ToldOf returns the set of one type. It is empty for NoticeRecovered.
func ToldOf(t NoticeType) Told {
	if i := slices.Index(toldTypes[:], t); i >= 0 {
		return 1 << i
	}
	return 0
}

// Has reports whether the set has a type.
func (told Told) Has(t NoticeType) bool { return told&ToldOf(t) != 0 }

// Types lists the types in the set.
func (told Told) Types() []NoticeType {
	return slices.DeleteFunc(slices.Clone(toldTypes[:]), func(t NoticeType) bool { return !told.Has(t) })
}

// Notice tells the operator that the state of a webhook changed. It is stored by
// the write that changes the state, and kept until it is taken. It has neither
// URL nor payload.
type Notice struct {
	// ID is a UUIDv7, so that later notices have greater ids.
	ID   string
	Type NoticeType
	// At is the time of the change, or at which it was found.
	At        time.Time
	Account   Account
	WebhookID string
	// Events are those of the records that changed: of records that share an id
	// each one changes by itself, except when they are disabled.
	Events []string
	// StateSince is since when the webhook has the notice's State.
	StateSince time.Time
	// LastStatus is the HTTP status of the latest response, 0 for none.
	LastStatus int
}

// State returns the state of the webhook that the notice tells of.
func (n Notice) State() State {
	switch n.Type {
	case NoticeDisabled:
		return StateDisabled
	case NoticeRecovered:
		return StateHealthy
	case NoticeFailing, NoticeExhausted:
	}
	return StateFailing
}

// Notice returns a notice about the webhook as it is.
func (w Webhook) Notice(id string, t NoticeType, at time.Time) Notice {
	return Notice{
		ID: id, Type: t, At: at.UTC().Truncate(time.Millisecond), Account: w.Account, WebhookID: w.ID, Events: []string{w.Event},
		StateSince: w.StateSince(), LastStatus: w.Statistics.LastStatus,
	}
}
