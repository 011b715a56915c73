package syncer

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/hedgesync/hedgesync/internal/fabric"
	"github.com/hedgesync/hedgesync/internal/fault"
	"github.com/hedgesync/hedgesync/internal/hedgehog"
	"github.com/hedgesync/hedgesync/internal/plan"
	"github.com/hedgesync/hedgesync/internal/saga"
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
		f := found(*p, at(live, p.Change.Key))
		p.Outcome = f.outcome
		if f.again {
			e.resend[i] = f.from
			continue
		}
		done = append(done, e.result(*p))
	}
	if len(done) == 0 {
		return nil
	}
	return e.finish(ctx, done)
}

// settle finds out what became of what a worker that died had begun, so that our
// record knows it even if the run goes no further. A failure does no harm here: no
// batch goes on, or is taken back, before it has asked again.
func (e *execution) settle(ctx context.Context) {
	if e.run.Status != saga.Running || e.run.Commit == "" {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, settleBudget)
	defer cancel()
	if e.recall(ctx) != nil {
		return
	}
	last := 0
	for _, p := range e.planned {
		last = max(last, p.Batch)
	}
	for batch := 1; batch <= last; batch++ {
		_ = e.clarify(ctx, batch)
	}
}

// settleBudget bounds settle: the lease is not renewed before the first step.
const settleBudget = 10 * time.Second

// unclear reports whether a change was begun without an outcome that tells what
// the cluster holds now. A conflict may be with what an earlier try of ours wrote.
func unclear(p plan.Planned) bool {
	o := p.Outcome
	switch {
	case p.Intended.IsZero():
		return false
	case o.Result == "", o.Result == plan.Unseen:
		return true
	}
	return o.Result == plan.FailedTry && (o.Writes > 0 || fault.KindOf(o.Err) == fault.Conflict)
}

func at(live map[fabric.Key]fabric.Resource, k fabric.Key) *fabric.Resource {
	if r, ok := live[k]; ok {
		return &r
	}
	return nil
}

// finding is what became of a change that was begun: its outcome; or, again, that
// it is still to be sent, to the object as it stands now.
type finding struct {
	outcome plan.Outcome
	again   bool
	from    fabric.Resource
}

// found decides from the live object (nil: there is none) what became of a change
// that was begun.
//
//	          gone       as before   as wanted   ours, half done     otherwise
//	create    again      -           applied     -                   refused
//	update    refused    again       applied     again from there    refused
//	delete    applied    again       -           wait                refused (applied if another object)
func found(p plan.Planned, live *fabric.Resource) finding {
	c := p.Change
	gone := live == nil || c.Have != nil && live.UID != c.Have.UID
	switch {
	case c.Action == plan.Delete && gone:
		return finding{outcome: plan.Outcome{Key: c.Key, Result: plan.Applied, Writes: p.Outcome.Writes}}
	case c.Action == plan.Delete && terminating(*live):
		return finding{outcome: plan.Outcome{Key: c.Key, Result: plan.FailedTry, Writes: 1, Live: live, Err: going(*live)}}
	case c.Have == nil && live == nil:
		return finding{again: true, outcome: plan.Outcome{Key: c.Key, Err: p.Outcome.Err}}
	case c.Have != nil && !gone && sameContent(*c.Have, *live):
		return finding{again: true, outcome: plan.Outcome{Key: c.Key, Err: p.Outcome.Err}, from: *live}
	case live != nil && c.Want != nil:
		return arrived(p, *live)
	}
	return finding{outcome: overtaken(p)}
}

// arrived judges a live object that is no longer the pre-image.
func arrived(p plan.Planned, live fabric.Resource) finding {
	c := p.Change
	left := unlike(*c.Want, live)
	mine := c.Have == nil || live.UID == c.Have.UID
	switch {
	case mine && len(left) == 0 && removed(c, live):
		return finding{outcome: asWanted(p, live)}
	case mine && c.Action == plan.Update && only(left, c.Remove):
		// The apply arrived and the removal that follows it did not.
		half := plan.Outcome{Key: c.Key, Live: &live, Writes: max(1, p.Outcome.Writes), Err: p.Outcome.Err}
		return finding{again: true, outcome: half, from: live}
	}
	return finding{outcome: overtaken(p)}
}

// unlike returns how a live object differs from what was sent. A default that
// admission would have filled in and is not there tells nothing: not every API
// computes the same ones.
func unlike(want, live fabric.Resource) []hedgehog.Diff {
	sent := hedgehog.Canonical(want.Object)
	return slices.DeleteFunc(hedgehog.Difference(hedgehog.Expected(sent), live.Object), func(d hedgehog.Diff) bool {
		return d.Old == nil && !present(sent, d.Pointer)
	})
}

// asWanted is the outcome of a change whose object is as wanted. If no try of ours
// can have written it, somebody else did: then there is nothing to take back.
func asWanted(p plan.Planned, live fabric.Resource) plan.Outcome {
	o := plan.Outcome{Key: p.Change.Key, Result: plan.Applied, Live: &live, Writes: possible(p)}
	if o.Writes == 0 {
		o.Result = plan.Unchanged
	}
	return o
}

// possible counts the writes of a change that may have had an effect. Without any
// outcome nobody knows whether it was sent.
func possible(p plan.Planned) int {
	if p.Outcome.Result == "" {
		return max(1, p.Outcome.Writes)
	}
	return p.Outcome.Writes
}

// sameContent reports whether two versions of one object say the same; the server
// and its controllers may have written anything else into it.
func sameContent(a, b fabric.Resource) bool {
	return a.UID == b.UID && a.ResourceVersion == b.ResourceVersion ||
		len(hedgehog.Difference(a.Object, b.Object)) == 0 && len(hedgehog.Difference(b.Object, a.Object)) == 0
}

// only reports whether every difference is one of the values still to be removed.
func only(left []hedgehog.Diff, remove []string) bool {
	return len(left) > 0 && !slices.ContainsFunc(left, func(d hedgehog.Diff) bool { return !slices.Contains(remove, d.Pointer) })
}

// removed reports whether the values that a change drops are gone: what nobody
// compares any more, such as a label of ours, tells nothing by its presence.
func removed(c plan.Change, live fabric.Resource) bool {
	return !slices.ContainsFunc(c.Fields, func(f plan.Field) bool { return f.New == nil && present(live.Object, f.Path) })
}

var unescape = strings.NewReplacer("~1", "/", "~0", "~")

// present reports whether an object tree has a value at a JSON pointer.
func present(tree map[string]any, pointer string) bool {
	var at any = tree
	for _, token := range strings.Split(strings.TrimPrefix(pointer, "/"), "/") {
		m, ok := at.(map[string]any)
		if !ok {
			return false
		}
		if at, ok = m[unescape.Replace(token)]; !ok {
			return false
		}
	}
	return true
}

// overtaken is the outcome of a change whose object somebody else changed. Whether
// an earlier try had an effect before that is kept; the object is not as we left it.
func overtaken(p plan.Planned) plan.Outcome {
	err := fault.New(fault.Conflict, "sync.overtaken", "somebody else changed it while its %s was under way", p.Change.Action).
		WithHint("run hedgesync plan again: it decides anew from what is there now")
	return plan.Outcome{Key: p.Change.Key, Result: plan.Refused, Err: err, Writes: possible(p)}
}

// terminating reports whether an object is being deleted and waits for that.
func terminating(r fabric.Resource) bool { return present(r.Object, "/metadata/deletionTimestamp") }

func going(r fabric.Resource) error {
	return fault.New(fault.Unavailable, "sync.terminating", "%s is being deleted, and is still there", r.Key).
		WithHint("the controller that set its finalizer has not released it yet; check that it runs")
}
