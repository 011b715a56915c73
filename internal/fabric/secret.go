package fabric

import (
	"fmt"
	"log/slog"
)

const redacted = "[secret]"

// Secret holds a credential. It cannot be printed, logged or marshalled: each of
// these yields "[secret]" (or "" when empty). Only Reveal returns the value; call
// it at the last moment, at the border that needs it.
type Secret struct{ value []byte }

// NewSecret copies value.
func NewSecret(value string) Secret { return Secret{[]byte(value)} }

// Reveal returns the value.
func (s Secret) Reveal() string { return string(s.value) }

// IsZero reports whether there is no value.
func (s Secret) IsZero() bool { return len(s.value) == 0 }

// String returns "[secret]".
func (s Secret) String() string {
	if s.IsZero() {
		return ""
	}
	return redacted
}

// Format makes every fmt verb print "[secret]".
func (s Secret) Format(f fmt.State, _ rune) { fmt.Fprint(f, s.String()) }

// GoString returns "[secret]".
func (s Secret) GoString() string { return s.String() }

// MarshalText returns "[secret]".
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// LogValue returns "[secret]".
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }
