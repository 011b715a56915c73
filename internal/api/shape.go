package api

import (
	"time"

	"github.com/hedgesync/hedgesync/internal/fabric"
	"github.com/hedgesync/hedgesync/internal/plan"
	"github.com/hedgesync/hedgesync/internal/saga"
	"github.com/hedgesync/hedgesync/internal/status"
)

func shapeFabric(r Record) Fabric {
	s := r.Settings
	kinds := make([]string, len(s.Kinds))
	for i, k := range s.Kinds {
		kinds[i] = k.String()
	}
	return Fabric{
		ID: string(s.ID), Version: r.Version, Secrets: append([]string{}, r.Secrets...),
		Repository: Repository{URL: s.Repository.URL, Branch: s.Repository.Branch, Path: s.Repository.Path},
		Cluster:    Cluster{Context: s.Cluster.Context, Namespaces: s.Cluster.Namespaces, AllowExec: s.Cluster.AllowExec},
		Policy: Policy{
			Mode: string(s.Mode), OnFailure: string(s.OnFailure), Strategy: string(s.Strategy), Adopt: s.Adopt, Prune: s.Prune,
			Kinds: kinds, MaxDeletes: s.MaxDeletes, MaxDeletePercent: s.MaxDeletePercent, BatchSize: s.BatchSize,
		},
		Created: s.Created, Updated: s.Updated,
	}
}

// ShapeProblem returns a problem as the API shows it.
func ShapeProblem(p fabric.Problem) Problem {
	out := Problem{
		Severity: string(p.Severity), Rule: p.Rule, File: p.Origin.File, Line: p.Origin.Line, Column: p.Origin.Column,
		Pointer: p.Pointer, Message: p.Message, Hint: p.Hint,
	}
	if p.Key != (fabric.Key{}) {
		out.Object = p.Key.String()
	}
	return out
}

func shapeProblems(ps []fabric.Problem) []Problem {
	out := make([]Problem, len(ps))
	for i, p := range ps {
		out[i] = ShapeProblem(p)
	}
	return out
}

func shapeComparison(s Seen) Comparison {
	return Comparison{
		ID: s.ID, Fabric: string(s.Fabric), Commit: s.Commit, AsOf: s.AsOf,
		Plan: s.Document, Problems: shapeProblems(s.Problems),
	}
}

func shapeRun(r saga.Run, now time.Time) Run {
	return Run{
		ID: string(r.ID), Fabric: string(r.Fabric), Kind: r.Kind, Status: string(r.Status), Reason: r.Reason,
		RequestedBy: r.RequestedBy, Commit: r.Commit, Plan: r.PlanID, Failure: shapeFailure(r.Failure),
		Progress: Progress{Batch: r.Progress.Batch, Batches: r.Progress.Batches, Done: r.Progress.Done, Total: r.Progress.Total, Percent: r.Progress.Percent()},
		Created:  r.Created, Started: r.Started, Ended: r.Ended,
		Live: r.Status.Live(), Worked: r.Holder != "" && now.Before(r.LeaseUntil), Cancelling: r.Status.Live() && !r.CancelRequested.IsZero(),
	}
}

func shapeFailure(f *saga.Failure) *Failure {
	if f == nil {
		return nil
	}
	return &Failure{Kind: f.Kind.String(), Code: f.Code, Step: f.Step, Message: f.Message, Hint: f.Hint}
}

func shapeDetail(r saga.Run, steps []saga.StepRecord, planned []plan.Planned, now time.Time) RunDetail {
	d := RunDetail{Run: shapeRun(r, now), Steps: make([]Step, len(steps)), Changes: make([]Change, 0, len(planned))}
	for i, s := range steps {
		d.Steps[i] = Step{
			Seq: s.Seq, Name: s.Name, Dir: string(s.Dir), Status: string(s.Status), Try: s.Try,
			Started: s.Started, Done: s.Done, Failure: shapeFailure(s.Failure),
		}
	}
	for _, p := range planned {
		if p.Change.Action != plan.None {
			d.Changes = append(d.Changes, shapeChange(p))
		}
	}
	return d
}

func shapeChange(p plan.Planned) Change {
	c := Change{
		Seq: p.Seq, Batch: p.Batch, Object: p.Change.Key.String(), Action: string(p.Change.Action), Cause: string(p.Change.Cause),
		Would: string(p.Change.Would), Reason: p.Change.Reason, Result: string(p.Outcome.Result), Undone: string(p.Undone), Residue: p.Residue,
	}
	if f := saga.FailureOf("", p.Outcome.Err); f != nil {
		c.Error, c.Hint = f.Message, f.Hint
	}
	return c
}

func shapeStatus(id fabric.ID, e status.Evidence, now time.Time) Status {
	v := status.Summarize(e, now)
	s := e.Check.Summary
	out := Status{
		Fabric: string(id), Mode: string(e.Settings.Mode), Sync: string(v.Sync), Phase: string(v.Phase), Reason: v.Reason,
		AsOf: v.AsOf, Expires: v.Expires, Commit: e.Check.Commit,
		Counts: Counts{Add: s.Add, Change: s.Change, Destroy: s.Destroy, Held: s.Held, Extra: s.Extra, Same: s.Nothing + s.Adopt},
	}
	if e.Live != nil {
		r := shapeRun(*e.Live, now)
		out.Live = &r
	}
	if e.Last != nil {
		r := shapeRun(*e.Last, now)
		out.Last = &r
	}
	for _, k := range sortedKinds(e.Check.Unread) {
		c := e.Check.Unread[k]
		out.Unread = append(out.Unread, Unread{Kind: k.String(), State: string(c.State), Reason: c.Reason})
	}
	return out
}
