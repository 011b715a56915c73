package syncer

import (
	"context"
	"slices"

	"github.com/hedgesync/hedgesync/internal/fabric"
	"github.com/hedgesync/hedgesync/internal/fault"
	"github.com/hedgesync/hedgesync/internal/hedgehog"
	"github.com/hedgesync/hedgesync/internal/plan"
)

// clarify reads back the changes of a batch that were begun and whose end nobody
// saw, and settles what became of each: done, not done, or overtaken by somebody
// else. Nothing is sent twice on a guess.
func (e *execution) clarify(ctx context.Context, batch int) error {
	var unsure []int
	var keys []fabric.Key
	for i, p := range e.planned {
		if p.Batch == batch && unclear(p) {
			unsure, keys = append(unsure, i), append(keys, p.Change.Key)
		}
	}
	if len(unsure) == 0 {
		return nil
	}
	live, err := e.cluster.Read(ctx, keys)
	if err != nil {
		return fault.Wrap("read back what was begun", err)
	}
	var done []plan.Done
	for _, i := range unsure {
		p := &e.planned[i]
		var send plan.Change
		send, p.Outcome = found(p.Change, at(live, p.Change.Key))
		if p.Outcome.Result == "" {
			e.resend[i] = send
			continue
		}
		done = append(done, e.result(*p))
	}
	if len(done) == 0 {
		return nil
	}
	return e.finish(ctx, done)
}

// unclear reports whether a change was begun without an outcome that tells what
// the cluster holds now.
func unclear(p plan.Planned) bool {
	return !p.Intended.IsZero() && (p.Outcome.Result == "" || p.Outcome.Result == plan.Unseen)
}

func at(live map[fabric.Key]fabric.Resource, k fabric.Key) *fabric.Resource {
	if r, ok := live[k]; ok {
		return &r
	}
	return nil
}

// found decides from the live object (nil: there is none) what became of a change
// that was begun. It returns the change as it has to be sent if it is still to be
// done, with an empty outcome; or the outcome.
//
//	               gone        as before    as wanted    ours, half done    otherwise
//	create         again       -            applied      -                  refused
//	update         refused     again        applied      again from there   refused
//	replace        create      again        applied      -                  refused
//	delete         applied     again        -            -                  refused (applied if another object)
func found(c plan.Change, live *fabric.Resource) (plan.Change, plan.Outcome) {
	outcome := plan.Outcome{Key: c.Key, Live: live}
	before := c.Have != nil && live != nil && live.UID == c.Have.UID && live.ResourceVersion == c.Have.ResourceVersion
	switch {
	case before:
		return c, plan.Outcome{}
	case c.Action == plan.Delete && (live == nil || c.Have != nil && live.UID != c.Have.UID):
		outcome.Result, outcome.Live = plan.Applied, nil
	case live == nil && c.Action == plan.Create:
		return c, plan.Outcome{}
	case live == nil && c.Action == plan.Replace:
		c.Action = plan.Create
		return c, plan.Outcome{}
	case live != nil && c.Want != nil:
		return arrived(c, *live)
	default:
		outcome.Result, outcome.Err = plan.Refused, overtaken(c)
	}
	return c, outcome
}

// arrived judges a live object that is no longer the pre-image.
func arrived(c plan.Change, live fabric.Resource) (plan.Change, plan.Outcome) {
	left := hedgehog.Difference(hedgehog.Expected(hedgehog.Canonical(c.Want.Object)), live.Object)
	switch {
	case len(left) == 0:
		return c, plan.Outcome{Key: c.Key, Result: plan.Applied, Live: &live}
	case c.Action == plan.Update && only(left, c.Remove):
		// The apply arrived and the removal that follows it did not.
		c.Have = &live
		return c, plan.Outcome{}
	}
	return c, plan.Outcome{Key: c.Key, Result: plan.Refused, Live: &live, Err: overtaken(c)}
}

// only reports whether every difference is one of the values still to be removed.
func only(left []hedgehog.Diff, remove []string) bool {
	return !slices.ContainsFunc(left, func(d hedgehog.Diff) bool { return !slices.Contains(remove, d.Pointer) })
}

func overtaken(c plan.Change) error {
	return fault.New(fault.Conflict, "sync.overtaken", "somebody else changed it while its %s was under way", c.Action).
		WithHint("run hedgesync plan again: it decides anew from what is there now")
}
