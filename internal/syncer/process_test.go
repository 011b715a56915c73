package syncer_test

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/hedgesync/hedgesync/internal/fabric"
	"github.com/hedgesync/hedgesync/internal/plan"
	"github.com/hedgesync/hedgesync/internal/saga"
	"github.com/hedgesync/hedgesync/internal/syncer"
)

var errKilled = errors.New("killed")

// process is one worker's process. It is killed at one of its points: before or
// after the effect of a call. From then on nothing it does has an effect.
type process struct {
	mu   sync.Mutex
	left int // points until it is killed; 0 is never
	dead bool
}

func (p *process) alive() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.left > 0 {
		p.left--
		p.dead = p.dead || p.left == 0
	}
	return !p.dead
}

// call does f unless the process is dead before, and forgets its answer if it is after.
func call[T any](p *process, f func() (T, error)) (T, error) {
	var none T
	if !p.alive() {
		return none, errKilled
	}
	v, err := f()
	if !p.alive() {
		return none, errKilled
	}
	return v, err
}

func act(p *process, f func() error) error {
	_, err := call(p, func() (struct{}, error) { return struct{}{}, f() })
	return err
}

// mortalStore is the store as a process sees it.
type mortalStore struct {
	syncer.Store
	p *process
}

func (s mortalStore) Claim(ctx context.Context, id saga.RunID, holder string, dead []string, now time.Time, ttl time.Duration) (saga.Run, error) {
	return call(s.p, func() (saga.Run, error) { return s.Store.Claim(ctx, id, holder, dead, now, ttl) })
}

func (s mortalStore) Release(ctx context.Context, f saga.Fence) error {
	return act(s.p, func() error { return s.Store.Release(ctx, f) })
}

func (s mortalStore) Steps(ctx context.Context, id saga.RunID) ([]saga.StepRecord, error) {
	return call(s.p, func() ([]saga.StepRecord, error) { return s.Store.Steps(ctx, id) })
}

func (s mortalStore) PutStep(ctx context.Context, f saga.Fence, r saga.StepRecord) error {
	return act(s.p, func() error { return s.Store.PutStep(ctx, f, r) })
}

func (s mortalStore) Move(ctx context.Context, f saga.Fence, to saga.Status, failure *saga.Failure, now time.Time) error {
	return act(s.p, func() error { return s.Store.Move(ctx, f, to, failure, now) })
}

func (s mortalStore) Settings(ctx context.Context, id fabric.ID) (fabric.Settings, error) {
	return call(s.p, func() (fabric.Settings, error) { return s.Store.Settings(ctx, id) })
}

func (s mortalStore) Inventory(ctx context.Context, id fabric.ID) ([]plan.Entry, error) {
	return call(s.p, func() ([]plan.Entry, error) { return s.Store.Inventory(ctx, id) })
}

func (s mortalStore) SavePlan(ctx context.Context, f saga.Fence, commit string, changes []plan.Planned) error {
	return act(s.p, func() error { return s.Store.SavePlan(ctx, f, commit, changes) })
}

func (s mortalStore) Plan(ctx context.Context, id saga.RunID) ([]plan.Planned, error) {
	return call(s.p, func() ([]plan.Planned, error) { return s.Store.Plan(ctx, id) })
}

func (s mortalStore) Intend(ctx context.Context, f saga.Fence, seqs []int, now time.Time) error {
	return act(s.p, func() error { return s.Store.Intend(ctx, f, seqs, now) })
}

func (s mortalStore) Finish(ctx context.Context, f saga.Fence, done []plan.Done, p saga.Progress, now time.Time) error {
	return act(s.p, func() error { return s.Store.Finish(ctx, f, done, p, now) })
}

func (s mortalStore) Reverse(ctx context.Context, f saga.Fence, r []plan.Reversed, now time.Time) error {
	return act(s.p, func() error { return s.Store.Reverse(ctx, f, r, now) })
}

func (s mortalStore) PutActual(ctx context.Context, id fabric.ID, snap *fabric.Snapshot) error {
	return act(s.p, func() error { return s.Store.PutActual(ctx, id, snap) })
}

func (s mortalStore) PutCheck(ctx context.Context, id fabric.ID, c plan.Check) error {
	return act(s.p, func() error { return s.Store.PutCheck(ctx, id, c) })
}

// mortalCluster is the cluster as a process sees it.
type mortalCluster struct {
	*model
	p *process
}

func (c mortalCluster) Observe(ctx context.Context, r syncer.Reading) (*fabric.Snapshot, error) {
	return call(c.p, func() (*fabric.Snapshot, error) { return c.model.Observe(ctx, r) })
}

func (c mortalCluster) Read(ctx context.Context, keys []fabric.Key) (map[fabric.Key]fabric.Resource, error) {
	return call(c.p, func() (map[fabric.Key]fabric.Resource, error) { return c.model.Read(ctx, keys) })
}

func (c mortalCluster) Apply(_ context.Context, changes []plan.Change, _ func(int, plan.Outcome)) []plan.Outcome {
	outcomes := make([]plan.Outcome, len(changes))
	for i, ch := range changes {
		if outcomes[i] = unseen(ch.Key); c.p.alive() {
			o := c.model.write(ch, func() bool { return !c.p.alive() })
			if c.p.alive() {
				outcomes[i] = o
			}
		}
	}
	return outcomes
}
