package webhook

import "log/slog"

// redacted is what a Secret shows of itself.
const redacted = "[secret]"

// Secret is a signing key or a token in the clear. However it is printed,
// logged or marshalled, it shows "[secret]"; only Reveal gives it away.
type Secret struct{ text string }

// NewSecret wraps text.
func NewSecret(text string) Secret { return Secret{text} }

// Reveal gives the secret itself. Its callers are the places where a secret
// is shown once, sealed, or signed with.
func (s Secret) Reveal() string { return s.text }

// String hides the secret from every fmt verb that asks for a string.
func (Secret) String() string { return redacted }

// GoString hides it from %#v.
func (Secret) GoString() string { return redacted }

// LogValue hides it from log/slog.
func (Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText hides it from every text and JSON encoder.
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }
