package hedgehog

import (
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/hedgesync/hedgesync/internal/fabric"
)

func TestSchemaSaysExactlyWhere(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		kind fabric.Kind
		spec string
		want map[string]string // pointer -> message
	}{
		"names with slashes and dots": {Switch, `{role: spine, portFECs: {E1/1.5: x, E1/1: rs}}`, map[string]string{"/spec/portFECs/E1~11.5": `"x" is not one of "rs", "fc", "auto", "disabled"`}},
		"an element of a list": {Connection, `{fabric: {links: [{}, {spine: {ip: 1.2.3.4}}]}}`, map[string]string{
			"/spec/fabric/links/1/spine/ip": `"1.2.3.4" should match '^((25[0-5]|(2[0-4]|1\d|[1-9]|)\d)\.?\b){4}/([1-2]?[0-9]|3[0-2])$'`,
		}},
		"a null counts as absent":            {Switch, `{role: spine, portFECs: {E1/1: null}, redundancy: null}`, nil},
		"a null in a list does not":          {Switch, `{role: spine, groups: [null]}`, map[string]string{"/spec/groups/0": "null must be of type string"}},
		"an unknown field in a map in a map": {VPC, `{subnets: {a: {dhcp: {rage: {}}}}}`, map[string]string{"/spec/subnets/a/dhcp/rage": `field "rage" does not exist; "range" does`}},
		"a missing value":                    {Switch, `{profile: m}`, map[string]string{"/spec/role": `field "role" is required`}},
		"what the webhooks fill in":          {VPC, `{subnets: {a: {dhcp: {options: {pxeURL: x}}}}}`, nil},
		"a spec of the wrong type":           {Server, `[]`, map[string]string{"/spec": "a list of 0 must be of type object"}},
		"a number out of bounds":             {Switch, `{role: spine, linkFlapErrDisable: {flapThreshold: 51}}`, map[string]string{"/spec/linkFlapErrDisable/flapThreshold": "51 should be less than or equal to 50"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := map[string]string{}
			for _, f := range schemas()[c.kind].check(c.kind, parse(t, o(c.kind, "x", c.spec))[0].Object) {
				got[f.pointer] = f.message
			}
			if c.want == nil {
				c.want = map[string]string{}
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestBrokenDefinitionIsAnError(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"not YAML":       "{",
		"no version":     "spec: {group: wiring.githedgehog.com, names: {kind: Server}}",
		"not structural": `spec: {group: wiring.githedgehog.com, names: {kind: Server}, versions: [{name: v1, schema: {openAPIV3Schema: {type: object, properties: {x: {$ref: "#/y"}}}}}]}`,
	} {
		if _, err := readSchemas(fstest.MapFS{"a.yaml": {Data: []byte(text)}}); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestSimilarNamesAreOneSlipApart(t *testing.T) {
	t.Parallel()
	for pair, want := range map[[2]string]bool{
		{"asn", "ans"}: true, {"asn", "ASN"}: true, {"vlan", "vlans"}: true, {"range", "rage"}: true, {"profile", "profilf"}: true,
		{"asn", "nsa"}: false, {"ip", "id"}: false, {"vlan", "lan2"}: false, {"groups", "groups"}: true,
	} {
		if got := similar(pair[0], pair[1]); got != want {
			t.Errorf("similar(%q, %q) = %v", pair[0], pair[1], got)
		}
	}
}
