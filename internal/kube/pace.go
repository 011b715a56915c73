package kube

import (
	"context"
	"sync"
	"time"

	"github.com/hedgesync/hedgesync/internal/fault"
)

const startInFlight = 4

// pace bounds how many writes are in flight, as the server bears it: one more for
// every full round without trouble, half as many after a sign of overload, and a
// pause when the server asks for one.
type pace struct {
	max int

	mu       sync.Mutex
	limit    float64
	inFlight int
	cut      time.Time     // when limit was last halved
	until    time.Time     // nothing starts before
	changed  chan struct{} // closed, and replaced, at every change
}

func newPace(most int) *pace {
	return &pace{max: most, limit: min(startInFlight, float64(most)), changed: make(chan struct{})}
}

// enter waits for a place and returns when it was given.
func (p *pace) enter(ctx context.Context) (time.Time, error) {
	for {
		if err := ctx.Err(); err != nil {
			return time.Time{}, fault.New(fault.KindOf(err), "kube.not-sent", "stopped before it was sent: %w", err)
		}
		p.mu.Lock()
		now := time.Now()
		pause := p.until.Sub(now)
		if pause <= 0 && p.inFlight < int(p.limit) {
			p.inFlight++
			p.mu.Unlock()
			return now, nil
		}
		changed := p.changed
		p.mu.Unlock()
		wait(ctx, changed, pause)
	}
}

// wait returns when ctx ends, something changed, or, if it is positive, after pause.
func wait(ctx context.Context, changed <-chan struct{}, pause time.Duration) {
	var after <-chan time.Time
	if pause > 0 {
		timer := time.NewTimer(pause)
		defer timer.Stop()
		after = timer.C
	}
	select {
	case <-ctx.Done():
	case <-changed:
	case <-after:
	}
}

// leave gives the place back. err is how the write ended; since is what enter
// returned: overload seen by writes that began before the last cut is old news.
func (p *pace) leave(since time.Time, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.inFlight--
	switch {
	case !overload(err):
		p.limit = min(p.limit+1/p.limit, float64(p.max))
	case since.After(p.cut):
		p.limit = max(p.limit/2, 1)
		p.cut = time.Now()
	}
	if after := askedPause(err); after > 0 {
		p.until = time.Now().Add(after)
	}
	close(p.changed)
	p.changed = make(chan struct{})
}

func overload(err error) bool {
	switch fault.CodeOf(err) {
	case CodeThrottled, CodeStarting, CodeUnseen, "kube.timeout", "kube.server":
		return true
	}
	return false
}
