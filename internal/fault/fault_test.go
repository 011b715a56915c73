package fault_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/hedgesync/hedgesync/internal/fault"
)

func TestKindSurvivesWrapping(t *testing.T) {
	cause := fault.New(fault.Denied, "git.auth", "authentication refused").WithHint("check the token")
	err := fmt.Errorf("sync lab: %w", fault.Wrap("fetch repository", cause))
	if got := fault.KindOf(err); got != fault.Denied {
		t.Errorf("kind %v, want denied", got)
	}
	if got := fault.HintOf(err); got != "check the token" {
		t.Errorf("hint %q", got)
	}
	if got := fault.CodeOf(err); got != "git.auth" {
		t.Errorf("code %q", got)
	}
	if got, want := err.Error(), "sync lab: fetch repository: authentication refused"; got != want {
		t.Errorf("text %q, want %q", got, want)
	}
}

func TestUnclassifiedErrorIsABugAndDeadlineIsNot(t *testing.T) {
	for err, want := range map[error]fault.Kind{
		errors.New("x"):          fault.Bug,
		context.DeadlineExceeded: fault.Unavailable,
		context.Canceled:         fault.Unknown,
	} {
		if got := fault.KindOf(err); got != want {
			t.Errorf("%v: kind %v, want %v", err, got, want)
		}
	}
}

func TestKindNamesRoundTrip(t *testing.T) {
	for k := fault.Bug; k <= fault.Unknown; k++ {
		if got := fault.ParseKind(k.String()); got != k {
			t.Errorf("%v parsed as %v", k, got)
		}
	}
}

func TestWrapOfNilIsNil(t *testing.T) {
	if err := fault.Wrap("read", nil); err != nil {
		t.Errorf("got %v", err)
	}
}
