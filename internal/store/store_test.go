package store

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.uber.org/goleak"

	"github.com/hedgesync/hedgesync/internal/fabric"
	"github.com/hedgesync/hedgesync/internal/fault"
	"github.com/hedgesync/hedgesync/internal/pgtest"
	"github.com/hedgesync/hedgesync/internal/plan"
	"github.com/hedgesync/hedgesync/internal/saga"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(writerEnv); dir != "" {
		writeUntilKilled(dir)
	}
	goleak.VerifyTestMain(pgtest.Main(m))
}

// databases are the ones every test of this package passes on.
var databases = map[string]func(testing.TB) (location string, o Options){
	"sqlite": func(t testing.TB) (string, Options) { return filepath.Join(t.TempDir(), "data"), Options{} },
	"postgres": func(t testing.TB) (string, Options) {
		return pgtest.URL(t), Options{Keyfile: filepath.Join(t.TempDir(), "key")}
	},
}

// onBoth runs a test on a new, empty store of each database.
func onBoth(t *testing.T, test func(*testing.T, *Store)) {
	t.Parallel()
	for name, make := range databases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			location, o := make(t)
			test(t, reopen(t, location, o))
		})
	}
}

func reopen(t testing.TB, location string, o Options) *Store {
	t.Helper()
	s, err := Open(t.Context(), location, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

var (
	t0   = time.Date(2026, 3, 1, 12, 0, 0, 123456789, time.UTC)
	vpcs = fabric.Kind{Group: "vpc.githedgehog.com", Name: "VPC"}
	sws  = fabric.Kind{Group: "wiring.githedgehog.com", Name: "Switch"}
)

func later(seconds int) time.Time { return t0.Add(time.Duration(seconds) * time.Second) }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func got[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		must(t, err)
		return v
	}
}

// same compares whole values; secrets are compared by what they reveal.
func same[T any](t testing.TB, what string, got, want T) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty(), cmpopts.EquateErrors(), cmp.Comparer(func(a, b fabric.Secret) bool { return a.Reveal() == b.Reveal() })); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func wantFault(t testing.TB, err error, kind fault.Kind, code string) {
	t.Helper()
	if fault.KindOf(err) != kind || fault.CodeOf(err) != code {
		t.Fatalf("got %v %q (%v), want %v %q", fault.KindOf(err), fault.CodeOf(err), err, kind, code)
	}
}

func settings(id fabric.ID) fabric.Settings {
	return fabric.Settings{
		ID: id,
		Repository: fabric.Repository{URL: "https://git.example.net/net/fabrics.git", Branch: "main", Path: "fabrics/" + string(id),
			Credential: fabric.Credential{Username: "bot", Password: fabric.NewSecret("canary-git"), KnownHosts: "git.example.net ssh-ed25519 AAAA", CA: "pem"}},
		Cluster: fabric.Cluster{Kubeconfig: fabric.NewSecret("canary-kube"), Context: "lab", Namespaces: []string{"default", "hh"}},
		Mode:    fabric.Enforce, OnFailure: fabric.Keep, Strategy: fabric.GitWins, Adopt: true, Prune: true,
		Kinds: []fabric.Kind{sws, vpcs}, MaxDeletes: 3, MaxDeletePercent: 7, BatchSize: 25,
	}
}

func addFabric(t testing.TB, s *Store, id fabric.ID) {
	t.Helper()
	got(s.CreateFabric(t.Context(), settings(id), "ada", t0))(t)
}

func pendingRun(id saga.RunID, f fabric.ID) saga.Run {
	return saga.Run{ID: id, Fabric: f, Kind: "sync", DefVersion: 1, Status: saga.Pending, Reason: "cli", RequestedBy: "ada",
		Params: []byte(`{"prune":true}`), Created: t0}
}

// startRun creates and claims a run and returns its fence.
func startRun(t testing.TB, s *Store, id saga.RunID, f fabric.ID) saga.Fence {
	t.Helper()
	got(s.Create(t.Context(), pendingRun(id, f)))(t)
	return got(s.Claim(t.Context(), id, "worker-1", nil, t0, time.Minute))(t).Fence()
}

func endRun(t testing.TB, s *Store, f saga.Fence) {
	t.Helper()
	must(t, s.Move(t.Context(), f, saga.Completed, nil, later(60)))
}

func vpc(name string) fabric.Key { return fabric.Key{Kind: vpcs, Namespace: "default", Name: name} }

// object is as large as a usual VPC and has every type of JSON value.
func object(name string, vlan int64) map[string]any {
	return map[string]any{
		"apiVersion": "vpc.githedgehog.com/v1beta1", "kind": "VPC",
		"metadata": map[string]any{"name": name, "namespace": "default", "labels": map[string]any{"owner": "net <ops> & \u2028 co"}},
		"spec": map[string]any{
			"ipv4Namespace": "default", "vlanNamespace": "default", "weight": 1.5, "isolated": true, "nothing": nil,
			"subnets": map[string]any{
				"frontend": map[string]any{"subnet": "10.10.1.0/24", "gateway": "10.10.1.1", "vlan": vlan,
					"dhcp": map[string]any{"enable": true, "range": map[string]any{"start": "10.10.1.10", "end": "10.10.1.99"},
						"options": map[string]any{"dnsServers": []any{"1.1.1.1", "9.9.9.9"}, "timeServers": []any{"10.0.0.1"}, "leaseTimeSeconds": int64(3600), "advertisedRoutes": []any{}}}},
				"backend": map[string]any{"subnet": "10.10.2.0/24", "gateway": "10.10.2.1", "vlan": vlan + 1,
					"dhcp": map[string]any{"relay": "10.99.0.100/32"}},
			},
			"staticRoutes": []any{map[string]any{"prefix": "0.0.0.0/0", "nextHops": []any{"10.10.2.5", "10.10.2.6"}}},
		},
	}
}

func resource(name string, vlan int64) fabric.Resource {
	o := object(name, vlan)
	return fabric.Resource{Key: vpc(name), Version: "v1beta1", Object: o, Hash: fabric.HashOf(o),
		Origin: fabric.Origin{File: "fabrics/a/vpcs.yaml", Line: 12, Column: 3, Document: 2}}
}

func live(name string, vlan int64, version string) fabric.Resource {
	r := resource(name, vlan)
	r.Origin, r.UID, r.ResourceVersion = fabric.Origin{}, "uid-"+name, version
	return r
}

func entry(name string, vlan int64, version, run string) plan.Entry {
	r := resource(name, vlan)
	return plan.Entry{Key: r.Key, Version: r.Version, UID: "uid-" + name, ResourceVersion: version, WantHash: r.Hash,
		Applied: r.Object, Commit: "c0ffee", Origin: r.Origin, Run: run, At: t0}
}

func update(seq int, name string) plan.Planned {
	want, have, base := resource(name, 1002), live(name, 1001, "41"), entry(name, 1001, "41", "before")
	return plan.Planned{Seq: seq, Batch: 1 + seq/50, Change: plan.Change{
		Key: want.Key, Action: plan.Update, Cause: plan.Source, Reason: "Git changed", Tier: 3,
		Want: &want, Have: &have, Base: &base,
		Fields: []plan.Field{
			{Path: "/spec/subnets/frontend/vlan", Old: int64(1001), New: int64(1002), Cause: plan.Source},
			{Path: "/spec/weight", Old: nil, New: 1.5, Cause: plan.Drift, Manager: "kubectl-edit", At: later(-60)},
		},
		Remove: []string{"/spec/gone"}, Blast: []string{"detaches 3 servers"}, After: []fabric.Key{vpc("other")},
	}}
}

func planOf(n int) []plan.Planned {
	changes := make([]plan.Planned, n)
	for i := range changes {
		changes[i] = update(i, fmt.Sprintf("vpc-%05d", i))
	}
	return changes
}

func applied(p plan.Planned, run saga.RunID) plan.Done {
	r := live(p.Change.Key.Name, 1002, "42")
	e := entry(p.Change.Key.Name, 1002, "42", string(run))
	return plan.Done{Seq: p.Seq, Entry: &e, Outcome: plan.Outcome{Key: p.Change.Key, Result: plan.Applied, Live: &r, Writes: 1, Elapsed: 3 * time.Millisecond}}
}

var _ saga.Journal = (*Store)(nil)
