package kube

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hedgesync/hedgesync/internal/fault"
)

// fill enters until a place is not given at once, and returns how many were.
func (p *pace) fill(t *testing.T) (n int, since time.Time) {
	t.Helper()
	for {
		ctx, cancel := context.WithTimeout(t.Context(), time.Nanosecond)
		at, err := p.enter(ctx)
		cancel()
		if err != nil {
			return n, since
		}
		n, since = n+1, at
	}
}

func (p *pace) empty(n int, since time.Time, err error) {
	for range n {
		p.leave(since, err)
	}
}

func TestThePaceGrowsWhileAllIsWellAndHalvesOncePerTrouble(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPace(8)
		n, since := p.fill(t)
		if n != 4 {
			t.Fatalf("begins with %d", n)
		}
		for range 20 {
			time.Sleep(time.Second)
			p.empty(n, since, nil)
			n, since = p.fill(t)
		}
		if n != 8 {
			t.Errorf("grows to %d", n)
		}
		time.Sleep(time.Second)
		p.empty(n, since, fault.New(fault.Unavailable, CodeThrottled, "busy"))
		if n, since = p.fill(t); n != 4 {
			t.Errorf("eight troubles of one time leave %d", n)
		}
		for range 5 {
			time.Sleep(time.Second)
			p.empty(n, since, fault.New(fault.Unknown, CodeUnseen, "lost"))
			n, since = p.fill(t)
		}
		if n != 1 {
			t.Errorf("the least is %d", n)
		}
		p.empty(n, since, fault.New(fault.Invalid, "kube.invalid", "no sign of overload"))
		if n, _ = p.fill(t); n != 2 {
			t.Errorf("a refusal left %d", n)
		}
	})
}

func TestThePaceKeepsThePauseTheServerAskedFor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPace(8)
		since, err := p.enter(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		p.leave(since, classify(&failure{answer: &answer{code: 429, after: 7 * time.Second}}, true))
		if _, err := p.enter(t.Context()); err != nil || time.Since(began) != 7*time.Second {
			t.Errorf("entered after %v: %v", time.Since(began), err)
		}
	})
}

func TestNobodyEntersAfterTheEnd(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := newPace(1).enter(ctx); !errors.Is(err, context.Canceled) || fault.CodeOf(err) != "kube.not-sent" {
		t.Error(err)
	}
}
