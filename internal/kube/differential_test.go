package kube

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sync/errgroup"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"k8s.io/client-go/dynamic"
	"sigs.k8s.io/yaml"

	"github.com/hedgesync/hedgesync/internal/fabric"
	"github.com/hedgesync/hedgesync/internal/fault"
	"github.com/hedgesync/hedgesync/internal/kubetest"
)

// sample is one kind with an object of it, what others do to the object, and how
// the wanted object changes. Edits and wishes are merge patches; rivals are what
// another applier applies.
type sample struct {
	kind            fabric.Kind
	version, plural string
	base            string
	edits           []string
	rivals          []string
	wishes          []string
}

var commonEdits = []string{
	`{"metadata":{"labels":{"foreign":"1"}}}`, `{"metadata":{"labels":{"app":"theirs"}}}`, `{"metadata":{"labels":{"app":null}}}`,
	`{"metadata":{"annotations":{"foreign":"1"}}}`, `{"metadata":{"annotations":{"note":"theirs"}}}`, `{"metadata":{"annotations":{"note":null}}}`,
	`{"metadata":{"annotations":{"kubectl.kubernetes.io/last-applied-configuration":"{}"}}}`,
	`{"metadata":{"finalizers":["test.hedgesync.dev/a"]}}`,
	`{"metadata":{"ownerReferences":[{"apiVersion":"v1","kind":"ConfigMap","name":"x","uid":"11111111-1111-1111-1111-111111111111"}]}}`,
	`{"metadata":{"managedFields":[{}]}}`, `{}`,
}

var commonWishes = []string{
	`{}`, `{"metadata":{"labels":null}}`, `{"metadata":{"labels":{"more":"x"}}}`, `{"metadata":{"annotations":{"note":"new"}}}`,
	`{"metadata":{"annotations":{"note":null}}}`, `{"status":{"phase":"Wrong"}}`, `{"metadata":{"labels":{"app":"not a valid value!"}}}`,
	`{"spec":{"noSuchField":"x"}}`, `{"metadata":{"finalizers":["test.hedgesync.dev/b"]}}`,
}

var samples = []sample{
	{
		kind: fabric.Kind{Group: "test.hedgesync.dev", Name: "Gadget"}, version: "v1", plural: "gadgets",
		base: `{serial: s1, text: one, code: 10.0.0.0/8, low: 1, high: 9, port: 80, factor: 0.5, active: true, tags: [a, b], atoms: [x, z],
rows: [{a: k}, {a: l, b: 2}], parts: [{id: p1, note: n1}, {id: p2, side: right, note: n2}], labels: {k1: v1, k2: v2}, whole: {k: v},
deep: {mode: fast, inner: {x: "1"}}, free: {any: {thing: [1, 2.5]}}, embedded: {apiVersion: v1, kind: ConfigMap, metadata: {name: e, labels: {a: b}}, data: {k: v}},
ports: {one: {speed: 10G, vlan: 100, dhcp: {enable: true}}, two: {speed: 25G}}}`,
		edits: []string{
			`{"spec":{"code":"11.0.0.0/8"}}`, `{"spec":{"code":null}}`, `{"spec":{"remark":"hello"}}`, `{"spec":{"high":10}}`, `{"spec":{"port":"http"}}`,
			`{"spec":{"factor":0.75}}`, `{"spec":{"factor":1}}`, `{"spec":{"size":"large"}}`, `{"spec":{"size":"medium"}}`, `{"spec":{"size":null}}`,
			`{"spec":{"deep":{"seconds":99,"inner":{"y":"z"}}}}`, `{"spec":{"deep":null}}`, `{"spec":{"tags":["a","b","c"]}}`, `{"spec":{"tags":["a"]}}`,
			`{"spec":{"tags":["b","a"]}}`, `{"spec":{"atoms":["x","z","q"]}}`, `{"spec":{"atoms":["z","x"]}}`, `{"spec":{"atoms":null}}`, `{"spec":{"atoms":[]}}`,
			`{"spec":{"rows":[{"a":"m"}]}}`, `{"spec":{"rows":[{"a":"k"},{"a":"l","b":3}]}}`, `{"spec":{"parts":[{"id":"p1","note":"n1"}]}}`,
			`{"spec":{"parts":[{"id":"p1","note":"n1"},{"id":"p2","side":"right","note":"n2"},{"id":"p3"}]}}`,
			`{"spec":{"parts":[{"id":"p2","side":"right","note":"n2"},{"id":"p1","note":"n1"}]}}`, `{"spec":{"parts":[{"id":"p1","note":"zz","weight":3},{"id":"p2","side":"left"}]}}`,
			`{"spec":{"labels":{"k3":"v3"}}}`, `{"spec":{"labels":{"k1":"zz"}}}`, `{"spec":{"labels":null}}`, `{"spec":{"whole":{"k2":"v2"}}}`,
			`{"spec":{"free":{"any":{"thing":[1,2,3]}}}}`, `{"spec":{"free":{"more":{"x":1}}}}`, `{"spec":{"embedded":{"metadata":{"labels":{"c":"d"}}}}}`,
			`{"spec":{"ports":{"three":{"speed":"1G"}}}}`, `{"spec":{"ports":{"one":null}}}`, `{"spec":{"ports":{"one":{"dhcp":{"lease":60}}}}}`,
			`{"spec":{"ports":{"one":{"vlan":101}}}}`, `{"spec":null}`, `{"spec":{"active":false}}`,
		},
		rivals: []string{
			`{code: 12.0.0.0/8}`, `{code: 10.0.0.0/8}`, `{parts: [{id: p4, note: z}]}`, `{parts: [{id: p1, note: n1}]}`, `{tags: [c]}`, `{tags: [a]}`,
			`{atoms: [q]}`, `{ports: {one: {vlan: 100}}}`, `{ports: {one: {}}}`, `{size: small}`, `{labels: {}}`, `{labels: {k1: v1}}`, `{deep: {inner: {}}}`, `{whole: {k: w}}`,
		},
		wishes: []string{
			`{"spec":{"code":null}}`, `{"spec":{"code":"20.0.0.0/8"}}`, `{"spec":{"code":"UPPER"}}`, `{"spec":{"parts":[{"id":"p1","note":"n1"}]}}`,
			`{"spec":{"parts":[{"id":"p0"},{"id":"p2","side":"right","note":"n2"},{"id":"p1","note":"n1"}]}}`, `{"spec":{"parts":[{"id":"p1"},{"id":"p1"}]}}`,
			`{"spec":{"tags":["b"]}}`, `{"spec":{"tags":["a","a"]}}`, `{"spec":{"deep":null}}`, `{"spec":{"deep":{"seconds":30}}}`, `{"spec":{"size":"medium"}}`, `{"spec":{"size":"large"}}`,
			`{"spec":{"size":"huge"}}`, `{"spec":{"ports":{"two":null}}}`, `{"spec":{"ports":{"one":{"vlan":5000}}}}`, `{"spec":{"low":100}}`, `{"spec":{"serial":"other"}}`,
			`{"spec":{"high":"text"}}`, `{"spec":{"labels":{}}}`, `{"spec":{"labels":null}}`, `{"spec":{"atoms":[]}}`, `{"spec":{"atoms":null}}`, `{"spec":{"rows":[{"a":"k"}]}}`,
			`{"spec":{"rows":[{},{},{},{},{}]}}`, `{"spec":{"whole":{"k":"other"}}}`, `{"spec":{"free":{"any":null,"new":[{"x":1}]}}}`, `{"spec":{"factor":1}}`, `{"spec":{"factor":2.5}}`,
			`{"spec":{"port":"https"}}`, `{"spec":{"active":null}}`, `{"spec":{"embedded":{"data":{"k":"w"}}}}`, `{"spec":{"embedded":{"metadata":{"name":"UPPER CASE"}}}}`,
			`{"spec":{"text":"` + strings.Repeat("x", 50) + `"}}`, `{"spec":{"low":null,"high":null}}`,
		},
	},
	{
		kind: fabric.Kind{Group: "vpc.githedgehog.com", Name: "VPC"}, version: "v1beta1", plural: "vpcs",
		base: `{subnets: {default: {subnet: 10.0.1.0/24, vlan: 1001, dhcp: {enable: true, range: {start: 10.0.1.10}, options: {interfaceMTU: 9000, leaseTimeSeconds: 3600, dnsServers: [1.1.1.1]}}},
backend: {subnet: 10.0.2.0/24, vlan: 1002, isolated: true}}, permit: [[default, backend]], staticRoutes: [{prefix: 10.50.0.0/24, nextHops: [10.0.1.5]}]}`,
		edits: []string{
			`{"spec":{"subnets":{"rogue":{"subnet":"10.9.0.0/24","vlan":666}}}}`, `{"spec":{"subnets":{"default":{"vlan":1009}}}}`, `{"spec":{"subnets":{"default":{"gateway":"10.0.1.254"}}}}`,
			`{"spec":{"subnets":{"backend":null}}}`, `{"spec":{"permit":[["backend","default"]]}}`, `{"spec":{"ipv4Namespace":"default","vlanNamespace":"default"}}`,
			`{"spec":{"subnets":{"default":{"dhcp":{"options":{"timeServers":[]},"range":{"end":"10.0.1.255"}}}}}}`, `{"spec":{"staticRoutes":null}}`, `{"spec":{"subnets":{"backend":{"dhcp":{}}}}}`,
		},
		rivals: []string{`{subnets: {default: {subnet: 10.0.1.0/24}}}`, `{subnets: {other: {subnet: 10.7.0.0/24}}}`, `{defaultIsolated: true}`},
		wishes: []string{
			`{"spec":{"subnets":{"backend":null}}}`, `{"spec":{"subnets":{"new":{"subnet":"10.3.0.0/24","vlan":1003}}}}`, `{"spec":{"permit":[]}}`, `{"spec":{"permit":null}}`,
			`{"spec":{"subnets":{"default":{"dhcp":null}}}}`, `{"spec":{"subnets":{"default":{"vlan":"text"}}}}`, `{"spec":{"staticRoutes":[{"prefix":"10.51.0.0/24","nextHops":["10.0.1.6"]}]}}`,
			`{"spec":{"subnets":{"default":{"restricted":false}}}}`, `{"spec":{"mode":"l3vni"}}`,
		},
	},
	{
		kind: fabric.Kind{Group: "wiring.githedgehog.com", Name: "Switch"}, version: "v1beta1", plural: "switches",
		base:   `{role: server-leaf, description: leaf one, profile: vs, asn: 65101, ip: 172.30.0.8/21, boot: {serial: "123"}, portBreakouts: {E1/1: 4x25G}, groups: [g1]}`,
		edits:  []string{`{"spec":{"description":"theirs"}}`, `{"spec":{"groups":["g1","g2"]}}`, `{"spec":{"ecmp":{},"redundancy":{}}}`, `{"spec":{"portBreakouts":{"E1/2":"4x10G"}}}`, `{"spec":{"vlanNamespaces":["default"]}}`},
		rivals: []string{`{role: server-leaf, enableAllPorts: true}`, `{role: spine}`},
		wishes: []string{`{"spec":{"role":"none"}}`, `{"spec":{"role":"spine"}}`, `{"spec":{"groups":[]}}`, `{"spec":{"boot":null}}`, `{"spec":{"portBreakouts":{"E1/1":null}}}`, `{"spec":{"asn":65102}}`, `{"spec":{"roce":true}}`},
	},
	{
		kind: fabric.Kind{Group: "wiring.githedgehog.com", Name: "Connection"}, version: "v1beta1", plural: "connections",
		base:   `{bundled: {links: [{server: {port: s1/p1}, switch: {port: l1/E1/1}}, {server: {port: s1/p2}, switch: {port: l1/E1/2}}], mtu: 9000}}`,
		edits:  []string{`{"spec":{"bundled":{"links":[{"server":{"port":"s1/p1"},"switch":{"port":"l1/E1/1"}}]}}}`, `{"spec":{"bundled":{"fallback":true}}}`, `{"spec":{"unbundled":{"link":{"server":{"port":"s2/p1"},"switch":{"port":"l1/E1/9"}}}}}`},
		rivals: []string{`{bundled: {mtu: 9000}}`, `{bundled: {links: []}}`},
		wishes: []string{`{"spec":{"bundled":{"mtu":null}}}`, `{"spec":{"bundled":{"links":[]}}}`, `{"spec":{"bundled":null,"unbundled":{"link":{"server":{"port":"s1/p1"},"switch":{"port":"l1/E1/1"}}}}}`, `{"spec":{"bundled":{"mtu":"x"}}}`},
	},
	{
		kind: fabric.Kind{Group: "gateway.githedgehog.com", Name: "GatewayPeering"}, version: "v1alpha1", plural: "gatewaypeerings",
		base:   `{peering: {vpc-1: {expose: [{ips: [{cidr: 10.0.1.0/24}], as: [{cidr: 10.11.0.0/24}], nat: {masquerade: {idleTimeout: 5m}}}]}, vpc-2: {expose: [{ips: [{cidr: 10.0.2.0/24}]}]}}}`,
		edits:  []string{`{"spec":{"gatewayGroup":"default"}}`, `{"spec":{"peering":{"vpc-3":{"expose":[]}}}}`, `{"spec":{"peering":{"vpc-1":{"expose":[{"ips":[{"cidr":"10.9.0.0/24"}]}]}}}}`, `{"spec":{"acl":{"default":"deny"}}}`},
		rivals: []string{`{gatewayGroup: default}`, `{peering: {vpc-2: {expose: [{ips: [{cidr: 10.0.2.0/24}]}]}}}`},
		wishes: []string{`{"spec":{"gatewayGroup":"other"}}`, `{"spec":{"peering":{"vpc-2":null}}}`, `{"spec":{"peering":{"vpc-1":{"expose":[]}}}}`, `{"spec":{"peering":{"vpc-1":{}}}}`},
	},
}

// merged is a merge patch applied to a tree.
func merged(tree, patch any) any {
	p, ok := patch.(map[string]any)
	if !ok {
		return patch
	}
	out := map[string]any{}
	if t, ok := tree.(map[string]any); ok {
		for k, v := range t {
			out[k] = v
		}
	}
	for k, v := range p {
		if v == nil {
			delete(out, k)
			continue
		}
		out[k] = merged(out[k], v)
	}
	return out
}

func decoded(tb testing.TB, text string) map[string]any {
	tb.Helper()
	j, err := yaml.YAMLToJSON([]byte(text))
	if err != nil {
		tb.Fatalf("%v in %s", err, text)
	}
	var tree map[string]any
	if err := utiljson.Unmarshal(j, &tree); err != nil {
		tb.Fatal(err)
	}
	return tree
}

// trial is one object of a sample in some state, and a client to it.
type trial struct {
	testing.TB
	sample sample
	raw    dynamic.ResourceInterface
	name   string
	log    []string
}

func (c *trial) tree(spec map[string]any) map[string]any {
	return map[string]any{
		"apiVersion": c.sample.kind.Group + "/" + c.sample.version, "kind": c.sample.kind.Name,
		"metadata": map[string]any{"name": c.name, "labels": map[string]any{"app": "ours"}, "annotations": map[string]any{"note": "text"}},
		"spec":     spec,
	}
}

func (c *trial) apply(ctx context.Context, tree map[string]any, manager string, force bool) {
	u := &unstructured.Unstructured{Object: tree}
	if _, err := c.raw.Apply(ctx, c.name, u, metav1.ApplyOptions{FieldManager: manager, Force: force}); err != nil {
		c.log = append(c.log, "refused: "+err.Error())
	}
}

// stir lets others change the object. What the server refuses them changes nothing.
func (c *trial) stir(ctx context.Context, r *rand.Rand) {
	for range r.IntN(4) {
		switch n := r.IntN(12); {
		case n < 7:
			patch := pick(r, slices.Concat(commonEdits, c.sample.edits, c.sample.edits))
			manager := pick(r, []string{"kubectl-edit", "controller", Manager})
			c.log = append(c.log, manager+" patches "+patch)
			_, _ = c.raw.Patch(ctx, c.name, types.MergePatchType, []byte(patch), metav1.PatchOptions{FieldManager: manager})
		case n < 10:
			rival := pick(r, c.sample.rivals)
			c.log = append(c.log, "rival applies "+rival)
			tree := c.tree(decoded(c, rival))
			tree["metadata"] = map[string]any{"name": c.name}
			c.apply(ctx, tree, "rival", true)
		case n == 10:
			c.log = append(c.log, "controller writes status")
			_, _ = c.raw.Patch(ctx, c.name, types.MergePatchType, []byte(`{"status":{"phase":"Up"}}`), metav1.PatchOptions{FieldManager: "controller"}, "status")
		default:
			c.log = append(c.log, "deleted")
			_ = c.raw.Delete(ctx, c.name, metav1.DeleteOptions{})
		}
	}
}

func pick[T any](r *rand.Rand, from []T) T { return from[r.IntN(len(from))] }

// served is the server's own verdict and object, from a dry run.
func (c *trial) served(ctx context.Context, client *Client, have *fabric.Resource, want fabric.Resource, force bool) Prediction {
	got, err := client.dryRun(ctx, want, force)
	switch {
	case fault.KindOf(err) == fault.Conflict && err != nil:
		return Prediction{Verdict: Conflict, Reason: err}
	case fault.KindOf(err) == fault.Invalid && err != nil:
		return Prediction{Verdict: Invalid, Reason: err}
	case err != nil:
		c.Fatalf("%v\n%s", err, strings.Join(c.log, "\n"))
	case have == nil:
		return Prediction{Verdict: Created, Object: got}
	}
	return Prediction{Verdict: compare(have.Object, got.Object), Object: got}
}

// comparable drops what no prediction can know: times, and the identity of an
// object that does not exist yet.
func comparable(p Prediction) map[string]any {
	m, _ := p.Object.Object["metadata"].(map[string]any)
	if m == nil {
		return nil
	}
	tree := merged(p.Object.Object, map[string]any{}).(map[string]any)
	meta := merged(m, map[string]any{}).(map[string]any)
	drop := []string{"resourceVersion"}
	if p.Verdict == Created {
		drop = append(drop, "uid", "creationTimestamp")
	}
	for _, k := range drop {
		delete(meta, k)
	}
	meta["managedFields"] = owners(meta["managedFields"])
	tree["metadata"] = meta
	return tree
}

func TestPredictionEqualsTheServersOwnDryRun(t *testing.T) {
	t.Parallel()
	const objects, wishesEach = 300, 4 // with and without force: 2,400 cases
	server := kubetest.Shared(t)
	namespace := server.Namespace(t)
	client, err := New(fabric.Cluster{Kubeconfig: fabric.NewSecret(string(server.Kubeconfig))}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	kinds := make([]fabric.Kind, len(samples))
	for i, s := range samples {
		kinds[i] = s.kind
	}
	schemas, err := client.Schemas(t.Context(), kinds)
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	counts := map[Verdict]int{}
	var g errgroup.Group
	g.SetLimit(4)
	for i := range objects {
		g.Go(func() error {
			r := rand.New(rand.NewPCG(7, uint64(i)))
			s := samples[0]
			if i%2 == 1 {
				s = pick(r, samples[1:])
			}
			c := &trial{TB: t, sample: s, name: fmt.Sprintf("o%03d", i), raw: server.Resource(s.kind.Group, s.version, s.plural, namespace)}
			verdicts := c.run(t.Context(), client, schemas, namespace, r, wishesEach)
			mu.Lock()
			defer mu.Unlock()
			for _, v := range verdicts {
				counts[v]++
			}
			return nil
		})
	}
	_ = g.Wait() // mismatches are reported where they are found
	total := 0
	for _, v := range []Verdict{Unchanged, Ownership, Changed, Created, Conflict, Invalid} {
		total += counts[v]
		if counts[v] < 20 {
			t.Errorf("only %d cases of %s: the test lost its reach", counts[v], v)
		}
	}
	if t.Logf("%d cases: %v", total, counts); total < 2000 {
		t.Errorf("only %d cases", total)
	}
}

// run brings an object into some state and compares prediction and server for
// several wishes.
func (c *trial) run(ctx context.Context, client *Client, schemas *Schemas, namespace string, r *rand.Rand, wishes int) (seen []Verdict) {
	if r.IntN(12) > 0 {
		c.apply(ctx, c.tree(decoded(c, c.sample.base)), Manager, false)
	}
	c.stir(ctx, r)
	key := fabric.Key{Kind: c.sample.kind, Namespace: namespace, Name: c.name}
	found, err := client.Read(ctx, []fabric.Key{key})
	if err != nil {
		c.Error(err)
		return nil
	}
	var have *fabric.Resource
	if live, ok := found[key]; ok {
		have = &live
	}
	for n := range wishes {
		tree, wish := c.tree(decoded(c, c.sample.base)), ""
		for range min(n, 2) {
			patch := pick(r, slices.Concat(commonWishes, c.sample.wishes, c.sample.wishes))
			tree = merged(tree, decoded(c, patch)).(map[string]any)
			wish += " " + patch
		}
		want := fabric.Resource{Key: key, Version: c.sample.version, Object: tree}
		for _, force := range []bool{false, true} {
			seen = append(seen, c.compare(ctx, client, schemas, have, want, force, wish))
		}
	}
	return seen
}

func (c *trial) compare(ctx context.Context, client *Client, schemas *Schemas, have *fabric.Resource, want fabric.Resource, force bool, wish string) Verdict {
	server := c.served(ctx, client, have, want, force)
	for _, round := range []string{"first", "remembered"} {
		local, err := schemas.Predict(have, want, Manager, force)
		if err != nil {
			c.Errorf("%s: %v", want.Key, err)
			return ""
		}
		story := fmt.Sprintf("%s, force %v, %s\n  %s\n  wish %s", want.Key, force, round, strings.Join(c.log, "\n  "), wish)
		if local.Verdict != server.Verdict {
			c.Errorf("%s\n  predicted %s (%v), server says %s (%v)", story, local.Verdict, local.Reason, server.Verdict, server.Reason)
		} else if d := cmp.Diff(comparable(server), comparable(local)); d != "" {
			c.Errorf("%s\n  object (-server +predicted):\n%s", story, d)
		}
	}
	return server.Verdict
}
