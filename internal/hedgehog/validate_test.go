package hedgehog

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	utiljson "k8s.io/apimachinery/pkg/util/json"

	"github.com/hedgesync/hedgesync/internal/fabric"
)

var update = flag.Bool("update", false, "write docs/rules.md")

func TestDocumentedRulesAreTheRules(t *testing.T) {
	t.Parallel()
	const file = "../../docs/rules.md"
	if *update {
		if err := os.WriteFile(file, []byte(RulesTable()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	written, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(RulesTable(), string(written)); diff != "" {
		t.Errorf("docs/rules.md is stale; run this test with -update (-rules +file):\n%s", diff)
	}
}

func TestEveryUserKindHasASchema(t *testing.T) {
	t.Parallel()
	if diff := cmp.Diff(UserKinds(), kindsWithSchema()); diff != "" {
		t.Errorf("-user kinds +schemas:\n%s", diff)
	}
}

func kindsWithSchema() []fabric.Kind {
	var out []fabric.Kind
	for _, k := range UserKinds() {
		if schemas()[k] != nil {
			out = append(out, k)
		}
	}
	return out
}

// A directory in the manner of demo-gitops: it refers to what somebody else made.
var partial = docs(
	vpc1, vpc2,
	o(VPCAttachment, "a", `{subnet: vpc-1/a, connection: cable-1}`),
	o(VPCAttachment, "b", `{subnet: vpc-2/a, connection: cable-1}`),
	o(VPCPeering, "p", `{permit: [{vpc-1: {}, vpc-2: {}}]}`),
	o(ExternalPeering, "e", `{permit: {vpc: {name: vpc-1, subnets: [a]}, external: {name: ext-1, prefixes: [{prefix: 0.0.0.0/0}]}}}`),
)

func TestPartOfAFabricIsNoError(t *testing.T) {
	t.Parallel()
	var got []string
	for _, p := range Validate(wanted(t, partial), Context{}) {
		got = append(got, fmt.Sprintf("%s %s: %s", p.Severity, p.Key, p.Message))
	}
	want := []string{
		"warning ExternalPeering/default/e: External ext-1 is not in this directory: not checked",
		"warning VPC/default/vpc-1: IPv4Namespace default is not in this directory: not checked (needed in 2 places)",
		"warning VPC/default/vpc-1: VLANNamespace default is not in this directory: not checked (needed in 2 places)",
		"warning VPCAttachment/default/a: Connection cable-1 is not in this directory: not checked (needed in 2 places)",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestPartOfAFabricIsCheckedAgainstTheCluster(t *testing.T) {
	t.Parallel()
	whole := docs(wired, external1)
	if found := Validate(wanted(t, partial), Context{Live: live(t, whole)}); len(ofSeverity(found, fabric.Error))+len(ofSeverity(found, fabric.Warning)) > 0 {
		t.Errorf("against the whole fabric: %s", listed(found))
	}
	found := Validate(wanted(t, partial), Context{Live: live(t, docs(spaces, leaf1, external1))})
	var got []string
	for _, p := range found {
		got = append(got, fmt.Sprintf("%s %s %s %s", p.Severity, p.Rule, p.Key, p.Pointer))
	}
	want := []string{"error reference.exists VPCAttachment/default/a /spec/connection", "error reference.exists VPCAttachment/default/b /spec/connection"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestUnreadKindIsNotAbsent(t *testing.T) {
	t.Parallel()
	cover := map[fabric.Kind]fabric.Coverage{}
	for _, k := range UserKinds() {
		cover[k] = fabric.Coverage{State: fabric.Full}
	}
	cover[Connection] = fabric.Coverage{State: fabric.Forbidden}
	found := Validate(wanted(t, partial), Context{Live: snapshot(t, parse(t, docs(spaces, external1)), cover)})
	if len(found) != 1 || found[0].Rule != "reference.unchecked" || found[0].Severity != fabric.Warning {
		t.Errorf("want one warning about the connection, got %s", listed(found))
	}
}

func TestUnreadablePartOfGitIsNotAbsent(t *testing.T) {
	t.Parallel()
	cover := map[fabric.Kind]fabric.Coverage{Connection: {State: fabric.Partial, Reason: "a.yaml"}}
	want := snapshot(t, parse(t, docs(wired, vpc1, o(VPCAttachment, "a", `{subnet: vpc-1/a, connection: cable-9}`))), cover)
	for name, in := range map[string]Context{"offline": {Profiles: mustProfiles(t)}, "with a cluster": {Profiles: mustProfiles(t), Live: live(t, wired)}} {
		found := Validate(want, in)
		if len(found) != 1 || found[0].Severity != fabric.Warning || !strings.Contains(found[0].Message, "cable-9 is not in the part of this directory that could be read") {
			t.Errorf("%s: want one warning about the connection, got %s", name, listed(found))
		}
	}
}

func TestAllProblemsComeInOnePass(t *testing.T) {
	t.Parallel()
	text := docs(spaces, o(Server, "S", `{x: 1}`), o(VPC, "a-very-long-name", `{mode: l3flat, subnets: {a: {subnet: 10.9.0.0/24, vlan: 5}}}`), o(Agent, "leaf-1", "{}"))
	var got []string
	for _, p := range Validate(wanted(t, text), Context{}) {
		got = append(got, p.Rule)
	}
	slices.Sort(got)
	want := []string{"kind.controller", "object.name", "object.name-length", "schema.unknown-field", "vpc.mode", "vpc.subnet-in-namespace", "vpc.vlan"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestOriginOfTheObjectTravels(t *testing.T) {
	t.Parallel()
	resources := parse(t, o(Server, "S", "{}"))
	resources[0].Origin = fabric.Origin{File: "a.yaml", Line: 3, Column: 1}
	found := Validate(snapshot(t, resources, nil), Context{})
	if len(found) != 1 || found[0].Origin != resources[0].Origin {
		t.Errorf("got %+v", found)
	}
}

func TestValidateChangesNothing(t *testing.T) {
	t.Parallel()
	text := docs(partial, wired, outside2, twins2)
	want := wanted(t, text)
	before := encoded(t, want)
	Validate(want, Context{Live: want})
	if after := encoded(t, want); before != after {
		t.Error("the wanted state was changed")
	}
}

var (
	outside2 = o(ExternalAttachment, "x", `{`+bgp+`, static: null}`)
	twins2   = o(SwitchGroup, "g", "{}")
)

func encoded(t *testing.T, s *fabric.Snapshot) string {
	t.Helper()
	raw, err := json.Marshal(slices.Collect(s.All()))
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func TestOrderIsStable(t *testing.T) {
	t.Parallel()
	var broken []string
	for _, name := range keysOf(ruleCases()) {
		if c := ruleCases()[name]; c.live == "" {
			broken = append(broken, strings.ReplaceAll(c.breaks, "name: ", fmt.Sprintf("name: x%d", len(broken))))
		}
	}
	text := docs(broken...)
	first := Validate(wanted(t, text), Context{})
	for range 5 {
		if diff := cmp.Diff(first, Validate(wanted(t, text), Context{})); diff != "" {
			t.Fatalf("two validations of the same differ:\n%s", diff)
		}
	}
}

// FuzzValidate holds that any JSON tree of any kind is survived, and that every
// pointer leads to a value of the object.
func FuzzValidate(f *testing.F) {
	for _, name := range keysOf(ruleCases()) {
		for _, r := range parse(f, ruleCases()[name].breaks) {
			raw, err := json.Marshal(r.Object)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(string(raw))
		}
	}
	f.Add(`{"apiVersion":"wiring.githedgehog.com/v1beta1","kind":"Connection","metadata":7,"spec":{"fabric":{"links":[null,[],{"leaf":{"port":[]}}]},"mesh":{"links":{}}}}`)
	base := parse(f, docs(wired, vpc1, gateway1))
	f.Fuzz(func(t *testing.T, raw string) {
		var obj map[string]any
		if utiljson.Unmarshal([]byte(raw), &obj) != nil {
			return
		}
		r := resource(obj)
		want, err := fabric.NewSnapshot("fuzz", time.Time{}, append(slices.Clone(base), r), nil)
		if err != nil {
			return // the same key as one of base
		}
		for _, p := range Validate(want, Context{Live: want}) {
			if p.Key == r.Key && p.Pointer != "/kind" && p.Pointer != "/apiVersion" && nearest(obj, p.Pointer) != p.Pointer {
				t.Errorf("%s points to %s, which is not there", p.Rule, p.Pointer)
			}
		}
	})
}
