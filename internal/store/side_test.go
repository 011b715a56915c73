package store

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/hedgesync/hedgesync/internal/fabric"
	"github.com/hedgesync/hedgesync/internal/fault"
	"github.com/hedgesync/hedgesync/internal/plan"
)

func snapshot(t testing.TB, source string, at time.Time, cover map[fabric.Kind]fabric.Coverage, resources ...fabric.Resource) *fabric.Snapshot {
	t.Helper()
	return got(fabric.NewSnapshot(source, at, resources, cover))(t)
}

var full = map[fabric.Kind]fabric.Coverage{vpcs: {State: fabric.Full}}

func contents(s Side) map[string]string {
	all := map[string]string{}
	for r := range s.All() {
		all[r.Key.Name] = fmt.Sprint(r.Object["spec"].(map[string]any)["subnets"].(map[string]any)["frontend"].(map[string]any)["vlan"], " ", r.ResourceVersion)
	}
	return all
}

func TestSideComesBackAsItWasWritten(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		addFabric(t, s, "a")
		_, err := s.Side(t.Context(), "a", Desired)
		wantFault(t, err, fault.Missing, "side.unread")

		want := resource("v1", 1001)
		must(t, s.PutDesired(t.Context(), "a", snapshot(t, "c0ffee", t0, full, want)))
		known := got(s.Side(t.Context(), "a", Desired))(t)
		r, _ := known.Get(vpc("v1"))
		same(t, "resource", r, want)
		same(t, "source", []any{known.Source(), known.AsOf(), known.Covers(vpcs), known.Covers(sws)}, []any{"c0ffee", t0, true, false})
		same(t, "read", known.Read, map[fabric.Kind]time.Time{vpcs: t0})
	})
}

func TestOneSideNeverOverwritesAnother(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		addFabric(t, s, "a")
		must(t, s.PutDesired(t.Context(), "a", snapshot(t, "c0ffee", t0, full, resource("v1", 1))))
		must(t, s.PutSide(t.Context(), "a", Draft, snapshot(t, "ada", t0, full, resource("v1", 2))))
		must(t, s.PutActual(t.Context(), "a", snapshot(t, "https://cluster", t0, full, live("v1", 3, "7"))))
		must(t, s.PutActual(t.Context(), "a", snapshot(t, "https://cluster", later(1), full)))
		for side, want := range map[SideName]map[string]string{Desired: {"v1": "1 "}, Draft: {"v1": "2 "}, Actual: {}} {
			same(t, string(side), contents(got(s.Side(t.Context(), "a", side))(t)), want)
		}
	})
}

func TestWhatWasNotReadIsKept(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		addFabric(t, s, "a")
		sw := live("leaf-01", 1, "5")
		sw.Key = fabric.Key{Kind: sws, Namespace: "default", Name: "leaf-01"}
		both := map[fabric.Kind]fabric.Coverage{vpcs: {State: fabric.Full}, sws: {State: fabric.Full}}
		must(t, s.PutActual(t.Context(), "a", snapshot(t, "c", t0, both, sw, live("v1", 1, "7"), live("v2", 1, "8"))))

		cases := []struct {
			name  string
			cover fabric.CoverState
			put   []fabric.Resource
			want  map[string]string
		}{
			{"forbidden", fabric.Forbidden, nil, map[string]string{"leaf-01": "1 5", "v1": "1 7", "v2": "1 8"}},
			{"failed", fabric.Failed, nil, map[string]string{"leaf-01": "1 5", "v1": "1 7", "v2": "1 8"}},
			{"kind missing", fabric.KindMissing, nil, map[string]string{"leaf-01": "1 5", "v1": "1 7", "v2": "1 8"}},
			{"partial", fabric.Partial, []fabric.Resource{live("v2", 2, "9")}, map[string]string{"leaf-01": "1 5", "v1": "1 7", "v2": "2 9"}},
			{"metadata of a moved object", fabric.Full, []fabric.Resource{{Key: vpc("v1"), UID: "uid-v1", ResourceVersion: "7"},
				{Key: vpc("v2"), UID: "uid-v2", ResourceVersion: "10"}, {Key: vpc("v3"), UID: "uid-v3", ResourceVersion: "11"}},
				map[string]string{"leaf-01": "1 5", "v1": "1 7", "v2": "2 9"}},
			{"full", fabric.Full, []fabric.Resource{live("v2", 2, "9")}, map[string]string{"leaf-01": "1 5", "v2": "2 9"}},
		}
		for i, c := range cases {
			cover := map[fabric.Kind]fabric.Coverage{vpcs: {State: c.cover, Reason: "because"}}
			must(t, s.PutActual(t.Context(), "a", snapshot(t, "c", later(i+1), cover, c.put...)))
			known := got(s.Side(t.Context(), "a", Actual))(t)
			same(t, c.name, contents(known), c.want)
			same(t, c.name+": coverage", []fabric.Coverage{known.Coverage(vpcs), known.Coverage(sws)},
				[]fabric.Coverage{{State: c.cover, Reason: "because"}, {State: fabric.NotRead, Reason: "not part of the last reading"}})
			same(t, c.name+": switches were read", known.Read[sws], t0)
		}
		same(t, "seen", got(s.Seen(t.Context(), "a"))(t), map[fabric.Key]plan.Seen{
			sw.Key: {UID: "uid-leaf-01", ResourceVersion: "5"}, vpc("v2"): {UID: "uid-v2", ResourceVersion: "9"}})
	})
}

func TestReadersSeeOneReadingOrTheNext(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		addFabric(t, s, "a")
		reading := func(n int) *fabric.Snapshot {
			var all []fabric.Resource
			for i := range 40 + n%3 {
				all = append(all, live(fmt.Sprintf("v%02d", i), int64(n), fmt.Sprint(n)))
			}
			return snapshot(t, fmt.Sprint(n), later(n), full, all...)
		}
		must(t, s.PutActual(t.Context(), "a", reading(0)))
		stop := make(chan struct{})
		var readers sync.WaitGroup
		for range 3 {
			readers.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
					}
					known, err := s.Side(t.Context(), "a", Actual)
					if err != nil {
						t.Error(err)
						return
					}
					var n int
					_, _ = fmt.Sscan(known.Source(), &n)
					if known.Len() != 40+n%3 || !known.AsOf().Equal(later(n)) {
						t.Errorf("reading %d has %d objects as of %v", n, known.Len(), known.AsOf())
					}
					for r := range known.All() {
						if r.ResourceVersion != known.Source() {
							t.Errorf("reading %d holds %s of reading %s", n, r.Key, r.ResourceVersion)
						}
					}
				}
			})
		}
		for n := 1; n <= 25; n++ {
			if err := s.PutActual(t.Context(), "a", reading(n)); err != nil {
				t.Error(err)
			}
		}
		close(stop)
		readers.Wait()
	})
}

func TestSecondReadingOfTheSameWritesNoDocument(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		addFabric(t, s, "a")
		first := snapshot(t, "c", t0, full, live("v1", 1, "7"), live("v2", 1, "8"))
		must(t, s.PutActual(t.Context(), "a", first))
		_, err := s.db.ExecContext(t.Context(), forbidWrites[s.dialect.name])
		must(t, err)
		must(t, s.PutActual(t.Context(), "a", snapshot(t, "c", later(1), full, live("v1", 1, "7"), live("v2", 1, "8"))))
		if err := s.PutActual(t.Context(), "a", snapshot(t, "c", later(1), full, live("v1", 1, "7"), live("v2", 2, "9"))); err == nil {
			t.Error("the guard of this test lets writes pass")
		}
	})
}

var forbidWrites = map[string]string{
	"sqlite": `create trigger t1 before insert on document begin select raise(abort, 'written'); end;
		create trigger t2 before update on document begin select raise(abort, 'written'); end;
		create trigger t3 before delete on document begin select raise(abort, 'written'); end;`,
	"postgres": `create function written() returns trigger language plpgsql as $$ begin raise exception 'written'; end $$;
		create trigger t before insert or update or delete on document for each row execute function written();`,
}

func TestSideOfAnUnknownFabricIsMissing(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		err := s.PutActual(t.Context(), "nobody", snapshot(t, "c", t0, full))
		wantFault(t, err, fault.Missing, "store.reference")
	})
}
