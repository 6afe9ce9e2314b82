package webhook

import "log/slog"

// redacted is the text that a Secret shows instead of itself.
const redacted = "[secret]"

// Secret is a signing key or a token in plain text. Printed, logged or
// marshalled, it shows "[secret]"; only [Secret.Reveal] returns the text.
type Secret struct{ text string }

// NewSecret returns a Secret that holds text.
func NewSecret(text string) Secret { return Secret{text} }

// Reveal returns the secret text. Call it only where the secret is shown once,
// sealed, or signed with.
func (s Secret) Reveal() string { return s.text }

// String returns "[secret]", which hides the text from fmt.
func (Secret) String() string { return redacted }

// GoString hides the text from %#v.
func (Secret) GoString() string { return redacted }

// LogValue hides the text from log/slog.
func (Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText hides the text from every text and JSON encoder.
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }
