package syncer

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/hedgesync/hedgesync/internal/fabric"
	"github.com/hedgesync/hedgesync/internal/fault"
	"github.com/hedgesync/hedgesync/internal/hedgehog"
	"github.com/hedgesync/hedgesync/internal/manifest"
	"github.com/hedgesync/hedgesync/internal/plan"
	"github.com/hedgesync/hedgesync/internal/saga"
)

// Look is one comparison of what Git wants with what the cluster holds. A plan,
// a dry run and a drift report are all a Look.
type Look struct {
	Settings fabric.Settings
	Commit   Commit
	Want     *manifest.Set
	Have     *fabric.Snapshot
	Base     []plan.Entry
	Problems []fabric.Problem
	Plan     plan.Plan
	At       time.Time // when reading the cluster began

	sketch bool // Want was recalled and has no bodies: enough to find that nothing differs
}

// Check returns the look as a completed comparison.
func (l Look) Check() plan.Check {
	c := plan.Check{At: l.At, Commit: l.Commit.ID, Changes: l.Plan.Changes, Summary: l.Plan.Summary, Unread: map[fabric.Kind]fabric.Coverage{}}
	for _, g := range l.Plan.Unread {
		c.Unread[g.Kind] = g.Coverage
	}
	return c
}

// Look fetches the fabric's commit (rev, or the branch's head when rev is ""),
// reads the cluster and decides, without changing anything but what is recorded
// as seen.
func (c *Coordinator) Look(ctx context.Context, id fabric.ID, rev string) (Look, error) {
	s, err := c.Store.Settings(ctx, id)
	if err != nil {
		return Look{}, err
	}
	l := Look{Settings: s}
	if l.Commit, err = c.commit(ctx, s, rev); err != nil {
		return l, err
	}
	if err := c.read(ctx, &l); err != nil {
		return l, err
	}
	cluster, err := c.Connect(s)
	if err != nil {
		return l, err
	}
	if err := c.compare(ctx, cluster, &l, false); err != nil {
		return l, err
	}
	return l, c.remember(ctx, l, "")
}

// commit finds what Git wants. Only the branch's head may be what a running
// fabric is brought to without being asked, so a rev is looked up after a fetch.
func (c *Coordinator) commit(ctx context.Context, s fabric.Settings, rev string) (Commit, error) {
	head, err := c.Repo.Fetch(ctx, s.Repository)
	if rev == "" || err != nil && fault.KindOf(err) != fault.Unavailable {
		return head, err
	}
	return c.Repo.Resolve(ctx, s.Repository, rev)
}

// read takes in what the commit wants: recalled, if these very files were read
// before, otherwise from the files.
func (c *Coordinator) read(ctx context.Context, l *Look) error {
	if l.Want = c.recallWant(*l); l.Want != nil {
		l.sketch = true
		return nil
	}
	return c.load(ctx, l)
}

// load reads the commit's files into the wanted set.
func (c *Coordinator) load(ctx context.Context, l *Look) error {
	files, err := c.Repo.Files(ctx, l.Settings.Repository, l.Commit.ID)
	if err != nil {
		return err
	}
	l.Want, err = manifest.Read(files, manifest.Options{
		Source: l.Commit.ID, AsOf: c.Now(), Limits: c.Limits, Accept: hedgehog.Accept, Kinds: managed(l.Settings),
	})
	if err != nil {
		return err
	}
	l.sketch = false
	c.keepWant(*l)
	return nil
}

// managed returns the kinds a fabric manages.
func managed(s fabric.Settings) []fabric.Kind {
	if len(s.Kinds) > 0 {
		return s.Kinds
	}
	return hedgehog.UserKinds()
}

// compare reads the cluster and decides. Metadata is enough where it proves that
// nothing moved, unless it is to be read in full; once anything did move,
// everything is read, because rules and orders look across objects.
func (c *Coordinator) compare(ctx context.Context, cluster Cluster, l *Look, full bool) (err error) {
	l.At = c.Now()
	if l.Base, err = c.Store.InventoryIndex(ctx, l.Settings.ID); err != nil {
		return err
	}
	// All that is wanted was applied as it is wanted: it passed the rules then.
	applied := len(plan.FullReads(l.Want.Snapshot, l.Base)) == 0
	if applied && !full {
		if same, err := c.glance(ctx, cluster, l); same || err != nil {
			return err
		}
	}
	if l.sketch {
		if err := c.load(ctx, l); err != nil {
			return err
		}
	}
	if l.Base, err = c.Store.Inventory(ctx, l.Settings.ID); err != nil {
		return err
	}
	return c.study(ctx, cluster, l, applied)
}

// glance reads metadata alone, and reports whether that settled the comparison:
// every object is at the version that our last write left, or that the last look
// saw of those that are not ours.
func (c *Coordinator) glance(ctx context.Context, cluster Cluster, l *Look) (bool, error) {
	known, err := c.Store.Seen(ctx, l.Settings.ID)
	if err != nil {
		return false, err
	}
	for _, e := range l.Base {
		known[e.Key] = plan.Seen{UID: e.UID, ResourceVersion: e.ResourceVersion}
	}
	kinds := hedgehog.UserKinds()
	have, err := cluster.Observe(ctx, Reading{Kinds: kinds, Light: all(kinds), Known: known})
	if err != nil {
		return false, fault.Wrap("read cluster", err)
	}
	if !quiet(have) {
		return false, nil
	}
	l.Have, l.Problems = have, l.Want.Problems
	l.Plan = plan.Make(l.input(nil, nil))
	return len(l.Plan.Needs) == 0, nil
}

// study reads everything and decides. Kinds that the fabric does not manage are
// read too: they may refer to what it deletes.
func (c *Coordinator) study(ctx context.Context, cluster Cluster, l *Look, applied bool) error {
	kinds := hedgehog.UserKinds()
	have, err := cluster.Observe(ctx, Reading{Kinds: append(slices.Clone(kinds), hedgehog.SwitchProfile)})
	if err != nil {
		return fault.Wrap("read cluster", err)
	}
	l.Have, l.Problems = have, l.Want.Problems
	if !applied {
		l.Problems = c.validate(l.Want, have)
	}
	l.Plan = plan.Make(l.input(nil, cluster.Attribute))
	if !slices.ContainsFunc(l.Plan.Changes, updates) {
		return nil
	}
	// What an update leaves behind is the only thing that needs the API's schemas.
	predict, err := cluster.Predictor(ctx, served(have, kinds))
	if err != nil {
		return fault.Wrap("read API schemas", err)
	}
	l.Plan = plan.Make(l.input(predict, cluster.Attribute))
	return nil
}

// updates reports whether a change meets an object that is there.
func updates(c plan.Change) bool { return cmp.Or(c.Would, c.Action) == plan.Update }

func (l *Look) input(predict plan.Predictor, attribute plan.Attributor) plan.Input {
	return plan.Input{
		Fabric: l.Settings.ID, Want: l.Want.Snapshot, Have: l.Have, Base: l.Base,
		Settings: l.Settings, Problems: l.Problems, Predict: predict, Attribute: attribute,
	}
}

// validate adds to the reader's problems what the rules find, each with its place.
func (c *Coordinator) validate(want *manifest.Set, live *fabric.Snapshot) []fabric.Problem {
	profiles, problems := hedgehog.NewProfiles(live.OfKind(hedgehog.SwitchProfile))
	problems = append(problems, hedgehog.Validate(want.Snapshot, hedgehog.Context{Live: live, Profiles: profiles})...)
	return Locate(want, problems)
}

// Locate gives each problem of a rule its line and column and returns them with
// the reader's own, in order of place.
func Locate(want *manifest.Set, found []fabric.Problem) []fabric.Problem {
	problems := slices.Clone(want.Problems)
	for _, p := range found {
		if p.Key != (fabric.Key{}) {
			p.Origin = want.Position(p.Key, p.Pointer)
		}
		problems = append(problems, p)
	}
	return fabric.SortProblems(problems)
}

// remember records what was seen on both sides and what the comparison found; run
// is "" if no run made it.
func (c *Coordinator) remember(ctx context.Context, l Look, run saga.RunID) error {
	id := l.Settings.ID
	if !l.sketch {
		if err := c.Store.PutDesired(ctx, id, l.Want.Snapshot); err != nil {
			return fault.Wrap("record wanted state", err)
		}
	}
	if err := c.Store.PutActual(ctx, id, l.Have); err != nil {
		return fault.Wrap("record actual state", err)
	}
	check := l.Check()
	check.Run = string(run)
	return fault.Wrap("record comparison", c.Store.PutCheck(ctx, id, check))
}

// quiet reports whether everything was proved unmoved by metadata alone.
func quiet(have *fabric.Snapshot) bool {
	for r := range have.All() {
		if r.Object != nil {
			return false
		}
	}
	for _, k := range have.Kinds() {
		if !have.Covers(k) {
			return false
		}
	}
	return true
}

func all(kinds []fabric.Kind) map[fabric.Kind]bool {
	m := make(map[fabric.Kind]bool, len(kinds))
	for _, k := range kinds {
		m[k] = true
	}
	return m
}

// served returns the kinds that the cluster answered for.
func served(have *fabric.Snapshot, kinds []fabric.Kind) []fabric.Kind {
	return slices.DeleteFunc(slices.Clone(kinds), func(k fabric.Kind) bool {
		state := have.Coverage(k).State
		return state != fabric.Full && state != fabric.Partial
	})
}
