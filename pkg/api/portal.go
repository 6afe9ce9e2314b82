package api

import (
	"time"

	"github.com/hookline/hookline/pkg/registry"
	"github.com/hookline/hookline/pkg/validate"
)

// Portal is an API as the portal shows it: its words, and the rules that its
// routes apply to JSON, for forms.
type Portal struct {
	// Title is what people call the API.
	Title string
	// Event, URL and Key are what the API calls an event, a URL and a signing
	// key, in lower case, such as "kind", "endpoint_url" and "signing key".
	Event, URL, Key string

	// Registry has the API's rules.
	Registry *registry.Registry
	// URLs has the operator's setting and the API's ports.
	URLs validate.URLPolicy
	// Events are those that can be registered, in the API's order. It is empty
	// if any well-formed name can be.
	Events []string
	// CheckEvent says what is wrong with an event's name. It returns "" if the
	// event can be registered. The text follows the name of the field, or is a
	// sentence of its own.
	CheckEvent func(event string) (wrong string)
	// Excluding has the pairs of events of which an account can have only one.
	Excluding [][2]string
	// Several reports whether one registration may have several events.
	Several bool
	// Payload reports whether a registration says whether the payload is sent.
	Payload bool

	// ChangesURL, ChangesEvent and ChangesPayload report what a change may set.
	// What it may not is deleted and registered anew.
	ChangesURL, ChangesEvent, ChangesPayload bool
	// RenewsKey reports whether a webhook's key can be renewed: the old one
	// signs for another day. RenewsAccountKey reports the same of the account's
	// key, where the old one stops at once.
	RenewsKey, RenewsAccountKey bool
	// Closed returns how long the API remains closed to changes from now on. If
	// nil, it is always open.
	Closed func(now time.Time) time.Duration

	// Verification says how receivers check what is sent.
	Verification Verification
}

// Verification is how a receiver checks the API's own signature.
type Verification struct {
	// Header carries the signature. It is empty for an API that signs by
	// Standard Webhooks only.
	Header string
	// Hash is that of the HMAC over the body, "sha1" or "sha256". The HMAC is
	// written in hexadecimal digits, and its key is the text of the signing key.
	Hash string
}
