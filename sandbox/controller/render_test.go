package controller

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

type world map[string]map[string]*unstructured.Unstructured

func (w world) Get(kind, name string) *unstructured.Unstructured { return w[kind][name] }

func (w world) List(kind string) []*unstructured.Unstructured {
	var out []*unstructured.Unstructured
	for _, obj := range w[kind] {
		out = append(out, obj)
	}
	slices.SortFunc(out, func(a, b *unstructured.Unstructured) int { return strings.Compare(a.GetName(), b.GetName()) })
	return out
}

func worldOf(t *testing.T, lines string) world {
	t.Helper()
	w := world{}
	for line := range strings.Lines(lines) {
		raw, err := yaml.YAMLToJSON([]byte(line))
		if err != nil {
			t.Fatal(err)
		}
		obj := &unstructured.Unstructured{}
		if err := obj.UnmarshalJSON(raw); err != nil {
			t.Fatal(err)
		}
		if w[obj.GetKind()] == nil {
			w[obj.GetKind()] = map[string]*unstructured.Unstructured{}
		}
		w[obj.GetKind()][obj.GetName()] = obj
	}
	return w
}

const small = `{kind: Switch, metadata: {name: leaf-1}, spec: {role: server-leaf, vlanNamespaces: [default]}}
{kind: Switch, metadata: {name: leaf-2}, spec: {role: server-leaf, vlanNamespaces: [default]}}
{kind: Connection, metadata: {name: c1}, spec: {unbundled: {link: {server: {port: s/a}, switch: {port: leaf-1/E1/1}}}}}
{kind: Connection, metadata: {name: c2}, spec: {unbundled: {link: {server: {port: s/b}, switch: {port: leaf-2/E1/1}}}}}
{kind: VPC, metadata: {name: shop}, spec: {vlanNamespace: default, subnets: {web: {subnet: 10.0.0.0/24}}}}
{kind: VPC, metadata: {name: bar}, spec: {vlanNamespace: default, subnets: {web: {subnet: 10.0.1.0/24}}}}
{kind: VPCAttachment, metadata: {name: a1}, spec: {subnet: shop/web, connection: c1}}
{kind: VPCAttachment, metadata: {name: a2}, spec: {subnet: bar/web, connection: c2}}`

func TestAnAgentKnowsWhatItsSwitchCarriesAndNoMore(t *testing.T) {
	t.Parallel()
	w := worldOf(t, small)
	got, err := render(w.Get("Switch", "leaf-1"), w)
	if err != nil {
		t.Fatal(err)
	}
	names := map[string][]string{}
	for _, field := range []string{"connections", "vpcs", "vpcAttachments", "configuredVPCSubnets"} {
		for name := range got[field].(tree) {
			names[field] = append(names[field], name)
		}
	}
	want := map[string][]string{"connections": {"c1"}, "vpcs": {"shop"}, "vpcAttachments": {"a1"}, "configuredVPCSubnets": {"shop/web"}}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestASwitchThatLeftThePoolOfItsVPCIsNotRendered(t *testing.T) {
	t.Parallel()
	w := worldOf(t, small+"\n{kind: Switch, metadata: {name: leaf-1}, spec: {role: server-leaf, vlanNamespaces: [other]}}")
	if got, err := render(w.Get("Switch", "leaf-1"), w); err == nil {
		t.Errorf("rendered %v", got)
	}
}

func TestNumbersOnceGivenStayAndAreNotGivenTwice(t *testing.T) {
	t.Parallel()
	w := worldOf(t, small+`
{kind: External, metadata: {name: isp}, spec: {}}
{kind: VPCInfo, metadata: {name: shop}, spec: {vni: 300}}
{kind: VPCInfo, metadata: {name: gone}, spec: {vni: 200}}`)
	got := map[string]int64{}
	for name, spec := range wantedInfos(w) {
		got[name] = spec["vni"].(int64)
	}
	if diff := cmp.Diff(map[string]int64{"bar": 100, "ext.isp": 400, "shop": 300}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
