package app

import (
	"bytes"
	"context"
	"os/user"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/hedgesync/hedgesync/internal/api"
	"github.com/hedgesync/hedgesync/internal/fabric"
	"github.com/hedgesync/hedgesync/internal/fault"
	"github.com/hedgesync/hedgesync/internal/gitrepo"
	"github.com/hedgesync/hedgesync/internal/hedgehog"
	"github.com/hedgesync/hedgesync/internal/kube"
	"github.com/hedgesync/hedgesync/internal/plan"
	"github.com/hedgesync/hedgesync/internal/saga"
	"github.com/hedgesync/hedgesync/internal/status"
	"github.com/hedgesync/hedgesync/internal/store"
	"github.com/hedgesync/hedgesync/internal/syncer"
)

// who names the person a process inside the command line works for.
func who() string {
	u, err := user.Current()
	if err != nil {
		return "unknown"
	}
	return u.Username
}

// versions are the API versions that the program knows the kinds at.
func versions() map[fabric.Kind]string {
	m := map[fabric.Kind]string{}
	for _, k := range hedgehog.Kinds() {
		m[k.Kind] = k.Version
	}
	return m
}

// register implements api.Fabrics.
type register struct {
	store *store.Store
	git   *gitrepo.Cache
}

func record(f store.Fabric) api.Record {
	r := api.Record{Settings: f.Settings, Version: f.Version, Secrets: make([]string, len(f.Secrets))}
	for i, s := range f.Secrets {
		r.Secrets[i] = string(s)
	}
	return r
}

func (g register) List(ctx context.Context) ([]api.Record, error) {
	fs, err := g.store.Fabrics(ctx)
	out := make([]api.Record, len(fs))
	for i, f := range fs {
		out[i] = record(f)
	}
	return out, err
}

func (g register) Get(ctx context.Context, id fabric.ID) (api.Record, error) {
	f, err := g.store.Fabric(ctx, id)
	return record(f), err
}

func (g register) Add(ctx context.Context, s fabric.Settings) (api.Record, error) {
	if err := g.sound(ctx, s); err != nil {
		return api.Record{}, err
	}
	f, err := g.store.CreateFabric(ctx, s, who(), time.Now())
	return record(f), err
}

func (g register) Edit(ctx context.Context, id fabric.ID, version int64, change func(*fabric.Settings)) (api.Record, error) {
	s, err := g.store.Settings(ctx, id)
	if err != nil {
		return api.Record{}, err
	}
	before := s
	change(&s)
	if err := g.sound(ctx, s); err != nil {
		return api.Record{}, err
	}
	if err := g.steady(ctx, before, s); err != nil {
		return api.Record{}, err
	}
	f, err := g.store.UpdateFabric(ctx, s, version, nil, who(), time.Now())
	return record(f), err
}

// sound refuses settings that could never work, or would fight another fabric's,
// before they are stored.
func (g register) sound(ctx context.Context, s fabric.Settings) error {
	if slices.Contains(strings.Split(s.Repository.Path, "/"), "..") {
		return fault.New(fault.Invalid, "fabric.path", "path %q leaves the repository", s.Repository.Path).
			WithHint("name the directory from the repository's root")
	}
	s = s.WithDefaults()
	if err := s.Check(); err != nil {
		return err
	}
	for _, k := range s.Kinds {
		if info, ok := hedgehog.Lookup(k); !ok || info.Owner != hedgehog.User {
			return fault.New(fault.Invalid, "fabric.kinds", "kind %s is not one that Git may hold", k).
				WithHint("use a name such as %s", hedgehog.Switch)
		}
	}
	address, err := server(s)
	if err != nil {
		return err
	}
	return g.alone(ctx, s, address)
}

// server returns the address of a fabric's API, without contacting it.
func server(s fabric.Settings) (string, error) {
	c, err := kube.New(s.Cluster, kube.Options{})
	if err != nil {
		return "", err
	}
	defer c.Close()
	return c.Address(), nil
}

// alone refuses a second fabric on the same namespace of the same API: two
// directories would undo each other's objects.
func (g register) alone(ctx context.Context, s fabric.Settings, address string) error {
	others, err := g.store.Fabrics(ctx)
	if err != nil {
		return err
	}
	for _, o := range others {
		if o.ID == s.ID || !overlap(o.Cluster.Namespaces, s.Cluster.Namespaces) {
			continue
		}
		full, err := g.store.Settings(ctx, o.ID)
		if err != nil {
			return err
		}
		if there, err := server(full); err == nil && there == address {
			return fault.New(fault.Conflict, "fabric.cluster", "fabric %s already manages %s", o.ID, address).
				WithHint("a cluster has one fabric: remove or edit %s first", o.ID)
		}
	}
	return nil
}

// steady refuses to point a fabric elsewhere while a run of it is not ended: what
// was planned for one cluster must not be finished in another.
func (g register) steady(ctx context.Context, before, after fabric.Settings) error {
	from, err := server(before)
	if err != nil {
		return nil // it pointed nowhere
	}
	to, err := server(after)
	if err != nil || from == to && slices.Equal(before.Cluster.Namespaces, after.Cluster.Namespaces) {
		return err
	}
	newest, err := g.store.Runs(ctx, store.RunFilter{Fabric: after.ID, Limit: 1})
	if err != nil || len(newest) == 0 || !newest[0].Status.Live() {
		return err
	}
	return fault.New(fault.Conflict, "fabric.live-run", "run %s of fabric %s is not finished: its cluster cannot be exchanged", newest[0].ID, after.ID).
		WithHint("hedgesync sync %s finishes it or takes it back", after.ID)
}

func overlap(a, b []string) bool {
	return slices.ContainsFunc(a, func(n string) bool { return slices.Contains(b, n) })
}

func (g register) Remove(ctx context.Context, id fabric.ID) error {
	return g.store.DeleteFabric(ctx, id, who(), time.Now())
}

// runs implements api.Runs.
type runs struct {
	coordinator *syncer.Coordinator
	store       *store.Store
	workers     *workers
}

func (r runs) Start(ctx context.Context, id fabric.ID, q api.SyncRequest) (saga.Run, error) {
	return r.start(ctx, id, syncer.Params{Rev: q.Rev, AllowDeletes: q.AllowDeletes}, "sync was asked for")
}

func (r runs) Apply(ctx context.Context, planID string) (saga.Run, error) {
	saved, err := r.store.SavedPlan(ctx, planID)
	if err != nil {
		return saga.Run{}, err
	}
	return r.start(ctx, saved.Fabric, syncer.Params{Rev: saved.Commit, Plan: saved.ID}, "a saved plan was to be applied")
}

// start records a run and works on it. A run in the way is worked on too, if its
// worker has died.
func (r runs) start(ctx context.Context, id fabric.ID, p syncer.Params, reason string) (saga.Run, error) {
	run, err := r.coordinator.Start(ctx, id, p, who(), reason)
	if run.ID != "" {
		r.workers.start(run.ID)
	}
	return run, err
}

func (r runs) List(ctx context.Context, q api.RunQuery) ([]saga.Run, error) {
	if q.Fabric != "" {
		if _, err := r.store.Fabric(ctx, q.Fabric); err != nil {
			return nil, err
		}
	}
	return r.store.Runs(ctx, store.RunFilter{Fabric: q.Fabric, Before: q.Before, Limit: q.Limit})
}

func (r runs) Get(ctx context.Context, id saga.RunID) (saga.Run, error) { return r.store.Run(ctx, id) }

func (r runs) Steps(ctx context.Context, id saga.RunID) ([]saga.StepRecord, error) {
	return r.store.Steps(ctx, id)
}

func (r runs) Plan(ctx context.Context, id saga.RunID) ([]plan.Planned, error) {
	return r.store.Plan(ctx, id)
}

func (r runs) Cancel(ctx context.Context, id saga.RunID) (saga.Run, error) {
	return r.store.Cancel(ctx, id, time.Now())
}

// plans implements api.Plans.
type plans struct {
	coordinator *syncer.Coordinator
	store       *store.Store
}

func (p plans) Compare(ctx context.Context, id fabric.ID, q api.PlanRequest) (api.Seen, error) {
	l, err := p.coordinator.Look(ctx, id, q.Rev)
	if err != nil {
		return api.Seen{}, err
	}
	seen := api.Seen{
		Fabric: id, AsOf: l.At, Plan: l.Plan, Document: l.Document(), Problems: l.Problems,
		Commit: api.Commit{ID: l.Commit.ID, Branch: l.Commit.Branch, Author: l.Commit.Author, When: l.Commit.When, Subject: l.Commit.Subject, Rewound: l.Commit.Rewound},
	}
	if q.Save {
		seen.ID, err = p.save(ctx, seen)
	}
	return seen, err
}

func (p plans) save(ctx context.Context, s api.Seen) (string, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return "", fault.New(fault.Unavailable, "plan.id", "draw a plan id: %w", err)
	}
	var b bytes.Buffer
	if err := s.Document.Encode(&b); err != nil {
		return "", err
	}
	return id.String(), p.store.PutSavedPlan(ctx, plan.Saved{
		ID: id.String(), Fabric: s.Fabric, Commit: s.Commit.ID, Hash: string(s.Document.Digest),
		Created: time.Now(), Document: b.Bytes(),
	})
}

func (p plans) Saved(ctx context.Context, id string) (api.Seen, error) {
	saved, err := p.store.SavedPlan(ctx, id)
	if err != nil {
		return api.Seen{}, err
	}
	d, err := plan.Parse(bytes.NewReader(saved.Document))
	if err != nil {
		return api.Seen{}, err
	}
	return api.Seen{ID: id, Fabric: saved.Fabric, AsOf: saved.Created, Commit: api.Commit{ID: saved.Commit}, Plan: d.Plan(), Document: d}, nil
}

func (p plans) Evidence(ctx context.Context, id fabric.ID) (status.Evidence, error) {
	f, err := p.store.Fabric(ctx, id)
	if err != nil {
		return status.Evidence{}, err
	}
	e := status.Evidence{Settings: f.Settings}
	last, err := p.store.Check(ctx, id)
	if err != nil {
		return e, err
	}
	e.Check = last.Check
	recent, err := p.store.Runs(ctx, store.RunFilter{Fabric: id, Limit: 2})
	if err != nil {
		return e, err
	}
	for i, r := range recent {
		switch {
		case r.Status.Live():
			e.Live = &recent[i]
		case e.Last == nil:
			e.Last = &recent[i]
		}
	}
	return e, nil
}
