// Package validate checks values that customers send: URLs, event names and
// batches of events. It only looks at the value: it resolves no name, opens
// no connection, and reads neither clock nor environment, so the result is
// the same wherever and whenever it is made.
//
// What it guarantees of a URL it accepts: net/url parses its ASCII form, its
// host is a DNS name or a plain IP address, and unless the operator allows
// private targets that address is one the public internet reaches. A name
// can resolve to anything later; PublicAddr is for checking again what a
// delivery dials.
//
// What it refuses, it refuses with a *Error, which says why in words made for
// the customer and never repeats any part of the value.
package validate

import "github.com/hookline/hookline/pkg/webhook"

// Limits that the three APIs share (docs/contracts/README.md).
const (
	// MaxURL is the longest URL, in code points of the decoded string.
	MaxURL = 2000
	// MaxBatch is the most events one request registers.
	MaxBatch = 50
)

// Reason says which rule a value breaks.
type Reason uint8

// The reasons for which a value is refused. Of several errors of a URL one is
// reported: first of the string as a whole, then of its characters, then of
// its parts, each from left to right, then of the policy.
const (
	// TooLong: more than MaxURL code points.
	TooLong Reason = iota + 1
	// NotUTF8: not valid UTF-8.
	NotUTF8
	// WhiteSpace: white space of any kind, zero-width included.
	WhiteSpace
	// ControlCharacter: C0, DEL, C1, or a character that changes the
	// direction of text (RFC 3987, section 4.1).
	ControlCharacter
	// Backslash: browsers read it as a slash, others do not.
	Backslash
	// Fragment: a "#", even with nothing after it.
	Fragment
	// NotAbsolute: no scheme followed by "//".
	NotAbsolute
	// OtherScheme: neither http nor https.
	OtherScheme
	// UserInfo: an "@" in the authority, even with nothing before it.
	UserInfo
	// NoHost: nothing where the host should stand.
	NoHost
	// BadEncoding: a "%" in host or path that two hexadecimal digits do not
	// follow, or bytes in the host that are not UTF-8.
	BadEncoding
	// Zone: an IPv6 address with a zone.
	Zone
	// BadHost: neither a DNS name, nor one that maps to it, nor an address.
	BadHost
	// NumericHost: a number as last label, without being a plain dotted quad.
	NumericHost
	// BadPort: not a number from 1 to 65535.
	BadPort
	// PlainHTTP: http, where the policy asks for https.
	PlainHTTP
	// PortNotAllowed: a port that the policy does not list.
	PortNotAllowed
	// PrivateAddress: localhost, or an address that is not public.
	PrivateAddress
	// BadEventName: not what EventName accepts.
	BadEventName
)

// String gives the fixed part of what an Error says.
func (r Reason) String() string {
	switch r {
	case TooLong:
		return "must be at most 2000 characters"
	case NotUTF8:
		return "must be valid UTF-8"
	case WhiteSpace:
		return "must not contain white space"
	case ControlCharacter:
		return "must not contain control characters"
	case Backslash:
		return "must not contain a backslash"
	case Fragment:
		return "must not contain a fragment (#)"
	case NotAbsolute:
		return "must be an absolute URL such as https://example.com/hook"
	case OtherScheme:
		return "must be an http or https URL"
	case UserInfo:
		return "must not contain user information (@ before the host)"
	case NoHost:
		return "must have a host"
	case BadEncoding:
		return "must not contain an invalid percent encoding"
	case Zone:
		return "must not contain an IPv6 zone"
	case BadHost:
		return "must have a valid host name or IP address"
	case NumericHost:
		return "must write an IPv4 address as four decimal numbers without leading zeros"
	case BadPort:
		return "must have a port from 1 to 65535, or none"
	case PlainHTTP:
		return "must be an https URL"
	case PortNotAllowed:
		return "must use an allowed port"
	case PrivateAddress:
		return "must not point to a private or reserved address"
	case BadEventName:
		return "must be 1 to 128 characters of A-Z a-z 0-9 _ . : -"
	default:
		return "is valid"
	}
}

// Error is why a value was refused. It matches webhook.ErrInvalid.
type Error struct {
	Reason Reason
	text   string
}

// Error gives a sentence fragment for the customer, to follow the name of the
// field: "must be at most 2000 characters".
func (f *Error) Error() string {
	if f.text != "" {
		return f.text
	}
	return f.Reason.String()
}

// Is matches webhook.ErrInvalid.
func (*Error) Is(target error) bool { return target == webhook.ErrInvalid }
