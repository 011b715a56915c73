// Package fault names what went wrong by the move it asks for next.
//
// Every error that reaches an operator is, or wraps, an *Error: a Kind that code
// branches on, and a Hint that a person acts on. Code never branches on text.
package fault

import (
	"context"
	"errors"
	"fmt"
)

// Kind says what the next move is.
type Kind uint8

// The kinds. The zero Kind is Bug: an error nobody classified is ours to fix.
const (
	Bug         Kind = iota // a defect of this program: report it
	Invalid                 // the input is wrong: fix the input
	Denied                  // not permitted: change credentials or rights; never retried
	Missing                 // what was named does not exist: check the name
	Conflict                // somebody else changed it: read again and decide anew
	Unavailable             // the other side cannot answer: retry later
	Unknown                 // sent, but the outcome was not seen: look before sending again
)

var names = [...]string{"bug", "invalid", "denied", "missing", "conflict", "unavailable", "unknown"}

// String returns the kind's stable lower-case name, as used in the API.
func (k Kind) String() string {
	if int(k) < len(names) {
		return names[k]
	}
	return names[Bug]
}

// ParseKind is the inverse of String; an unrecognised name is Bug.
func ParseKind(s string) Kind {
	for i, n := range names {
		if n == s {
			return Kind(i)
		}
	}
	return Bug
}

// Retryable reports whether the same call may succeed later without anybody
// changing anything.
func (k Kind) Retryable() bool { return k == Unavailable }

// Error is a classified error. Its text is "op: message" and never holds a secret.
type Error struct {
	Kind Kind
	Code string // stable machine word such as "git.auth" or "kube.forbidden"; may be empty
	Op   string // what was being done, in the caller's words; may be empty
	Hint string // what the operator can do about it; may be empty
	Err  error  // the cause
}

func (e *Error) Error() string {
	text := e.Kind.String()
	if e.Err != nil {
		text = e.Err.Error()
	}
	if e.Op == "" {
		return text
	}
	return e.Op + ": " + text
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// New makes an error of kind with a formatted message (%w wraps).
func New(kind Kind, code, format string, args ...any) *Error {
	return &Error{Kind: kind, Code: code, Err: fmt.Errorf(format, args...)}
}

// WithHint returns a copy of e that carries the operator's next move.
func (e *Error) WithHint(format string, args ...any) *Error {
	c := *e
	c.Hint = fmt.Sprintf(format, args...)
	return &c
}

// Wrap adds what was being done to err and keeps its kind, code and hint.
// It returns nil for a nil err.
func Wrap(op string, err error) error {
	if err == nil {
		return nil
	}
	return &Error{Kind: KindOf(err), Code: CodeOf(err), Op: op, Hint: HintOf(err), Err: err}
}

// KindOf returns the kind of the outermost classified error in err's chain. An
// expired deadline is Unavailable, a cancelled context Unknown, and anything
// nobody classified Bug.
func KindOf(err error) Kind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return Unavailable
	case errors.Is(err, context.Canceled):
		return Unknown
	}
	return Bug
}

// HintOf returns the first hint in err's chain, or "".
func HintOf(err error) string {
	e, ok := errors.AsType[*Error](err)
	for ok {
		if e.Hint != "" {
			return e.Hint
		}
		e, ok = errors.AsType[*Error](e.Err)
	}
	return ""
}

// CodeOf returns the first code in err's chain, or "".
func CodeOf(err error) string {
	e, ok := errors.AsType[*Error](err)
	for ok {
		if e.Code != "" {
			return e.Code
		}
		e, ok = errors.AsType[*Error](e.Err)
	}
	return ""
}
