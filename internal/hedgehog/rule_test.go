package hedgehog

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hedgesync/hedgesync/internal/fabric"
)

// A ruleCase is the smallest input that breaks a rule, and one like it that does not.
type ruleCase struct {
	breaks, holds string
	live          string // what the cluster holds, if anything is known of it
	pointer       string // where the break is
	says          string // part of the message: the values
	severity      fabric.Severity
	known         bool   // the site is known
	count         int    // of equal breaks that cannot come alone; 0 is one
	with          string // another rule that the input cannot help breaking
}

// o writes one object as YAML; spec is flow style. The name may carry further metadata.
func o(kind fabric.Kind, name, spec string) string {
	version := "v1beta1"
	if info, ok := Lookup(kind); ok {
		version = info.Version
	}
	return "apiVersion: " + kind.Group + "/" + version + "\nkind: " + kind.Name + "\nmetadata: {name: " + name + "}\nspec: " + spec
}

func docs(objects ...string) string { return strings.Join(objects, "\n---\n") }

// The model of the tests: E1/1 and E1/2 in a group, E1/3 to E1/5 break out, E1/6
// has its own speed; it can do everything but RoCE. Model "bare" can do nothing.
var testProfiles = docs(
	o(SwitchProfile, "m", `{maxPorts: 10, features: {eslag: true, l2vni: true, subinterfaces: true},
  pipelines: {"1": {maxPorts: 7}},
  portGroups: {"1": {profile: sfp}},
  portProfiles: {
    sfp: {speed: {default: 25G, supported: [10G, 25G]}},
    qsfp: {autoNegAllowed: true, breakout: {default: 1x100G, supported: {1x100G: {offsets: ["0"]}, 4x25G: {offsets: ["0", "1", "2", "3"]}}}}},
  ports: {
    M1: {management: true},
    E1/1: {group: "1", pipeline: "1"}, E1/2: {group: "1", pipeline: "1"},
    E1/3: {profile: qsfp, pipeline: "1"}, E1/4: {profile: qsfp, pipeline: "1"}, E1/5: {profile: qsfp},
    E1/6: {profile: sfp}}}`),
	o(SwitchProfile, "bare", `{ports: {E1/1: {}, E1/2: {}}}`),
	o(SwitchProfile, "roce", `{features: {roce: true, ecmpRoCEQPN: true}, portProfiles: {q: {breakout: {default: 1x100G, supported: {1x100G: {offsets: ["0"]}, 4x25G: {offsets: ["0", "1", "2", "3"]}}}}}, ports: {E1/1: {profile: q}}}`),
)

// Objects the cases build upon.
var (
	vlans  = o(VLANNamespace, "default", `{ranges: [{from: 1000, to: 1999}]}`)
	pools  = o(IPv4Namespace, "default", `{subnets: [10.0.0.0/16]}`)
	spaces = docs(vlans, pools)

	leaf1  = leaf("leaf-1", 1, "")
	leaf2  = leaf("leaf-2", 2, "")
	spine1 = o(Switch, "spine-1", `{role: spine, profile: m, asn: 65100, ip: 172.30.0.9/21, protocolIP: 172.30.8.9/32}`)
	twins  = docs(o(SwitchGroup, "g", "{}"), leaf("leaf-1", 1, "redundancy: {group: g, type: eslag}"), leaf("leaf-2", 2, "redundancy: {group: g, type: eslag}"))

	server1 = o(Server, "server-1", "{}")
	cable1  = o(Connection, "cable-1", `{unbundled: {link: {server: {port: server-1/eth0}, switch: {port: leaf-1/E1/1}}}}`)
	uplink  = o(Connection, "uplink", `{external: {link: {switch: {port: leaf-1/E1/2}}}}`)
	wired   = docs(spaces, leaf1, server1, cable1)

	vpc1 = vpc("vpc-1", "10.0.1.0/24", 1001, "")
	vpc2 = vpc("vpc-2", "10.0.2.0/24", 1002, "")

	external1 = o(External, "ext-1", `{inboundCommunity: "65102:1000"}`)
	static1   = o(External, "ext-2", `{static: {prefixes: [0.0.0.0/0]}}`)
	bgp       = `connection: uplink, external: ext-1, neighbor: {asn: 64102, ip: 100.1.10.6}, switch: {ip: 100.1.10.1/24, vlan: 10}`
	outside   = docs(spaces, leaf1, uplink, external1)

	gateway1 = o(Gateway, "gw-1", gatewaySpec(`eth0: {ips: [172.30.128.1/31]}`, ""))
)

// leaf is a hydrated leaf numbered n, with further members of its spec.
func leaf(name string, n byte, more string) string {
	d := string('0' + n)
	return o(Switch, name, `{role: server-leaf, profile: m, asn: 6510`+d+`, ip: 172.30.0.`+d+`/21, protocolIP: 172.30.8.`+d+`/32, vtepIP: 172.30.12.`+d+`/32, `+more+`}`)
}

// vpc has one subnet "a", with further members of it.
func vpc(name, subnet string, vlan int, more string) string {
	return o(VPC, name, `{subnets: {a: {subnet: `+subnet+`, vlan: `+digits(vlan)+`, `+more+`}}}`)
}

func digits(n int) string {
	return string([]byte{byte('0' + n/1000), byte('0' + n/100%10), byte('0' + n/10%10), byte('0' + n%10)})
}

func gatewaySpec(interfaces, more string) string {
	return `{asn: 65534, protocolIP: 172.30.8.5/32, vtepIP: 172.30.12.5/32, interfaces: {` + interfaces + `}, neighbors: [{asn: 65100, ip: 172.30.128.0, source: eth0}], ` + more + `}`
}

// connect makes a connection of a spec over two leaves, a spine and a server.
func connect(spec string) string {
	return docs(vlans, leaf1, leaf2, spine1, server1, o(Connection, "c", spec))
}

// peer makes a gateway peering of a spec between two VPCs.
func peer(spec string) string { return docs(spaces, vpc1, vpc2, o(GatewayPeering, "p", spec)) }

func attach(spec string) string {
	return docs(wired, vpc1, o(VPCAttachment, "a", spec))
}

func subnets(spec string) string { return docs(spaces, o(VPC, "vpc-1", `{subnets: `+spec+`}`)) }

func dhcp(spec string) string {
	return subnets(`{a: {subnet: 10.0.1.0/24, vlan: 1001, dhcp: ` + spec + `}}`)
}

func inbound(statement string) string {
	return docs(outside, o(ExternalAttachment, "a", `{`+bgp+`, inboundACL: {statements: [`+statement+`]}}`))
}

func attachExternal(spec string) string {
	return docs(outside, static1, o(ExternalAttachment, "a", spec))
}

// context is what a case's Validate knows.
func (c ruleCase) context(t *testing.T) Context {
	t.Helper()
	in := Context{Profiles: mustProfiles(t), Site: Site{Known: c.known}}
	if c.live != "" {
		in.Live = live(t, docs(testProfiles, c.live))
	}
	return in
}

func mustProfiles(t *testing.T) Profiles {
	t.Helper()
	profiles, problems := NewProfiles(slices.Values(parse(t, testProfiles)))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	return profiles
}

func TestEachRuleFindsItsBreakAndNothingElse(t *testing.T) {
	t.Parallel()
	for name, c := range ruleCases() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rule, _, _ := strings.Cut(name, " ")
			found := slices.DeleteFunc(Validate(wanted(t, c.breaks), c.context(t)), func(p fabric.Problem) bool { return p.Rule == c.with })
			if len(found) != max(c.count, 1) {
				t.Fatalf("found %d problems, want %d: %s", len(found), max(c.count, 1), listed(found))
			}
			got := found[0]
			if got.Rule != rule || got.Pointer != c.pointer || got.Severity != c.severity || !strings.Contains(got.Message, c.says) {
				t.Errorf("got %s\nwant %s %s %s ... %s", listed(found), c.severity, rule, c.pointer, c.says)
			}
			if c.holds == "" {
				t.Fatal("no input that holds")
			}
			if found := Validate(wanted(t, c.holds), c.context(t)); len(found) > 0 {
				t.Errorf("found in what holds: %s", listed(found))
			}
		})
	}
}

func listed(problems []fabric.Problem) string {
	var b strings.Builder
	for _, p := range problems {
		b.WriteString("\n\t" + strings.Join([]string{string(p.Severity), p.Rule, p.Key.String(), p.Pointer, p.Message}, " "))
	}
	return b.String()
}

func TestEveryRuleHasACase(t *testing.T) {
	t.Parallel()
	tested := map[string]bool{}
	for name := range ruleCases() {
		rule, _, _ := strings.Cut(name, " ")
		tested[rule] = true
	}
	var names []string
	for _, r := range slices.Concat(firstRules, rules) {
		names = append(names, r.Name)
	}
	slices.Sort(names)
	if diff := cmp.Diff(names, slices.Sorted(maps.Keys(tested))); diff != "" {
		t.Errorf("rules and cases differ (-rules +cases):\n%s", diff)
	}
}

// ruleCases are all cases; a name is the rule and, after a space, what is special.
func ruleCases() map[string]ruleCase {
	all := map[string]ruleCase{}
	for _, part := range []map[string]ruleCase{objectCases, switchCases, connectionCases, vpcCases, outsideCases} {
		for name, c := range part {
			if c.severity == "" {
				c.severity = fabric.Error
			}
			all[name] = c
		}
	}
	return all
}

// gatewayLink connects leaf-1 with gw-1, with the /31 that begins at 172.30.128.n.
func gatewayLink(name, port, iface string, n byte) string {
	a, b := string('0'+n), string('0'+n+1)
	return o(Connection, name, `{gateway: {links: [{switch: {port: leaf-1/`+port+`, ip: 172.30.128.`+a+`/31}, gateway: {port: gw-1/`+iface+`, ip: 172.30.128.`+b+`/31}}]}}`)
}

var gateway2ips = o(Gateway, "gw-1", gatewaySpec(`eth0: {ips: [172.30.128.1/31, 172.30.128.3/31]}, eth1: {ips: [172.30.128.3/31]}`, ""))

func otherGateway(mac string) string {
	return o(Gateway, "gw-2", `{asn: 65534, protocolIP: 172.30.8.6/32, vtepIP: 172.30.12.6/32, vtepMAC: "`+mac+`", interfaces: {eth0: {}}, neighbors: [{asn: 65100, ip: 172.30.128.0, source: eth0}]}`)
}

func meshSpec(a, b string) string {
	return `{mesh: {links: [{leaf1: {port: leaf-1/E1/1, ip: ` + a + `}, leaf2: {port: leaf-2/E1/1, ip: ` + b + `}}]}}`
}
