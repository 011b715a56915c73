package kube_test

import (
	"fmt"
	"sync"
	"testing"

	"golang.org/x/sync/errgroup"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/hedgesync/hedgesync/internal/fabric"
	"github.com/hedgesync/hedgesync/internal/kube"
	"github.com/hedgesync/hedgesync/internal/kubetest"
	"github.com/hedgesync/hedgesync/internal/plan"
)

const benchSpec = `{subnets: {default: {subnet: 10.0.1.0/24, vlan: 1001, dhcp: {enable: true, range: {start: 10.0.1.10}, options: {interfaceMTU: 9000, leaseTimeSeconds: 3600, dnsServers: [1.1.1.1, 8.8.8.8]}}},
backend: {subnet: 10.0.2.0/24, vlan: 1002, isolated: true}}, permit: [[default, backend]], staticRoutes: [{prefix: 10.50.0.0/24, nextHops: [10.0.1.5]}]}`

// fleet is a namespace with n VPCs, made once per size.
type fleet struct {
	namespace string
	wanted    []fabric.Resource
}

var (
	fleetsMu sync.Mutex
	fleets   = map[int]fleet{}
)

func fleetOf(b *testing.B, c *kube.Client, n int) fleet {
	b.Helper()
	fleetsMu.Lock()
	defer fleetsMu.Unlock()
	if f, ok := fleets[n]; ok {
		return f
	}
	f := fleet{namespace: kubetest.Shared(b).Namespace(b)}
	var changes []plan.Change
	for i := range n {
		want := wanted(b, vpcs, f.namespace, fmt.Sprintf("vpc-%04d", i), benchSpec)
		f.wanted = append(f.wanted, *want)
		changes = append(changes, plan.Change{Action: plan.Create, Key: want.Key, Want: want})
	}
	for _, o := range c.Apply(b.Context(), changes, kube.ApplyOptions{}) {
		if o.Err != nil {
			b.Fatal(o.Err)
		}
	}
	fleets[n] = f
	return f
}

func perObject(b *testing.B, n int) {
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*n), "us/object")
}

var sizes = []int{1000, 5000}

func BenchmarkObserve(b *testing.B) {
	s := kubetest.Shared(b)
	c := connect(b, s.Kubeconfig)
	for _, n := range sizes {
		f := fleetOf(b, c, n)
		known := map[fabric.Key]plan.Seen{}
		observe := func(b *testing.B, o kube.ObserveOptions) {
			for b.Loop() {
				o.Namespaces = []string{f.namespace}
				got, err := c.Observe(b.Context(), []fabric.Kind{vpcs}, o)
				if err != nil || got.Len() != n || !got.Covers(vpcs) {
					b.Fatal(got, err)
				}
				for r := range got.All() {
					known[r.Key] = plan.Seen{UID: r.UID, ResourceVersion: r.ResourceVersion}
				}
			}
			perObject(b, n)
		}
		b.Run(fmt.Sprintf("full/%d", n), func(b *testing.B) { observe(b, kube.ObserveOptions{}) })
		b.Run(fmt.Sprintf("metadata/%d", n), func(b *testing.B) {
			observe(b, kube.ObserveOptions{MetadataOnly: map[fabric.Kind]bool{vpcs: true}, Known: known})
		})
		b.Run(fmt.Sprintf("plain-client/%d", n), func(b *testing.B) {
			raw := s.Resource(vpcs.Group, "v1beta1", "vpcs", f.namespace)
			for b.Loop() {
				if got, err := raw.List(b.Context(), metav1.ListOptions{}); err != nil || len(got.Items) != n {
					b.Fatal(err)
				}
			}
			perObject(b, n)
		})
	}
}

func BenchmarkPredict(b *testing.B) {
	c := connect(b, kubetest.Shared(b).Kubeconfig)
	for _, n := range sizes {
		f := fleetOf(b, c, n)
		have, err := c.Observe(b.Context(), []fabric.Kind{vpcs}, kube.ObserveOptions{Namespaces: []string{f.namespace}})
		if err != nil {
			b.Fatal(err)
		}
		levels := map[string]struct {
			manager string // another manager than the one that applied is not proved quickly
			verdict kube.Verdict
			fresh   bool
		}{
			"first-quick": {kube.Manager, kube.Unchanged, true},
			"quick":       {kube.Manager, kube.Unchanged, false},
			"apply":       {"somebody", kube.Ownership, true},
			"memo":        {"somebody", kube.Ownership, false},
		}
		for _, name := range []string{"first-quick", "quick", "apply", "memo"} {
			l := levels[name]
			b.Run(fmt.Sprintf("%s/%d", name, n), func(b *testing.B) {
				s := schemasOf(b, c)
				pass := func() {
					for _, w := range f.wanted {
						r, _ := have.Get(w.Key)
						if p, err := s.Predict(&r, w, l.manager, true); err != nil || p.Verdict != l.verdict {
							b.Fatal(p.Verdict, err)
						}
					}
				}
				if !l.fresh {
					pass()
				}
				for b.Loop() {
					if l.fresh {
						b.StopTimer()
						s = schemasOf(b, c)
						b.StartTimer()
					}
					pass()
				}
				perObject(b, n)
			})
		}
	}
}

// schemasOf are new ones, which remember nothing.
func schemasOf(b *testing.B, c *kube.Client) *kube.Schemas {
	b.Helper()
	if _, err := c.Schemas(b.Context(), []fabric.Kind{vpcs, gadgets}); err != nil {
		b.Fatal(err)
	}
	s, err := c.Schemas(b.Context(), []fabric.Kind{vpcs})
	if err != nil {
		b.Fatal(err)
	}
	return s
}

func BenchmarkApply(b *testing.B) {
	c := connect(b, kubetest.Shared(b).Kubeconfig)
	f := fleetOf(b, c, sizes[0])
	have, err := c.Observe(b.Context(), []fabric.Kind{vpcs}, kube.ObserveOptions{Namespaces: []string{f.namespace}})
	if err != nil {
		b.Fatal(err)
	}
	changes := make([]plan.Change, len(f.wanted))
	for i := range f.wanted {
		r, _ := have.Get(f.wanted[i].Key)
		changes[i] = plan.Change{Action: plan.Update, Key: r.Key, Want: &f.wanted[i], Have: &r}
	}
	b.Run("ours", func(b *testing.B) {
		for b.Loop() {
			for _, o := range c.Apply(b.Context(), changes, kube.ApplyOptions{}) {
				if o.Result != plan.Unchanged {
					b.Fatal(o.Result, o.Err)
				}
			}
		}
		perObject(b, len(changes))
	})
	b.Run("plain-client", func(b *testing.B) {
		raw := kubetest.Shared(b).Resource(vpcs.Group, "v1beta1", "vpcs", f.namespace)
		for b.Loop() {
			var g errgroup.Group
			g.SetLimit(4) // the best of 1 to 50 on two cores
			for i := range f.wanted {
				u := unstructuredOf(&f.wanted[i])
				g.Go(func() error {
					_, err := raw.Apply(b.Context(), u.GetName(), u, metav1.ApplyOptions{FieldManager: kube.Manager, Force: true})
					return err
				})
			}
			if err := g.Wait(); err != nil {
				b.Fatal(err)
			}
		}
		perObject(b, len(changes))
	})
}
