package hedgehog

import (
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/hedgesync/hedgesync/internal/fabric"
)

// longestName is the most characters of a name that ends up in names on the switch.
const longestName = 11

var objectRules = []Rule{
	{
		Name: "object.namespace", Severity: fabric.Error, Check: checkNamespace,
		What: "The object lies in namespace `default`, the only one the fabric accepts",
	},
	{
		Name: "object.name", Severity: fabric.Error, Check: checkName,
		What: "The name is a DNS name: lower-case letters, digits, `-` and `.`",
	},
	{
		Name: "object.name-length", Kinds: []fabric.Kind{VPC, External, IPv4Namespace}, Severity: fabric.Error, Check: checkNameLength,
		What: "The name has at most 11 characters",
	},
	{
		Name: "object.name-prefix", Kinds: []fabric.Kind{VPC}, Severity: fabric.Error, Check: checkNamePrefix,
		What: "The name of a VPC does not begin with `ext.`, which marks externals in gateway peerings",
	},
	{
		Name: "object.labels", Severity: fabric.Error, Check: checkLabels,
		What: "Labels and annotations are strings, and fit what Kubernetes accepts",
		Hint: "put quotes around values such as true, on, 1.5 and 0123",
	},
	{
		Name: "object.metadata", Severity: fabric.Error, Check: checkMetadata,
		What: "Metadata has only fields that Kubernetes knows",
	},
	{
		Name: "reference.exists", Severity: fabric.Error, Check: checkReferences,
		What: "Whatever the object refers to exists, down to the subnet of a VPC (a warning for MCLAG connections and for the gateway of a connection, which the fabric does not look up)",
	},
	{
		Name: "reference.still-used", Kinds: []fabric.Kind{VPC}, Severity: fabric.Warning, Check: checkStillUsed,
		What: "No object in the cluster uses a subnet that the wanted VPC no longer has",
		Hint: "remove what uses it first: the fabric accepts the change and leaves it dangling",
	},
}

// fixed is a node for a place that is known without looking.
func (c *check) fixed(path ...string) node { return node{c.object.Object, ""}.at(path...) }

func checkNamespace(c *check) {
	if ns := c.object.Key.Namespace; ns != DefaultNamespace {
		c.say(c.fixed("metadata", "namespace"), "namespace is %q, the fabric accepts %q only", ns, DefaultNamespace)
	}
}

func checkName(c *check) {
	name := c.object.Key.Name
	if problems := validation.IsDNS1123Subdomain(name); len(problems) > 0 {
		c.say(c.fixed("metadata", "name"), "name %q is not a DNS name of at most 253 characters", name)
	}
}

func checkNameLength(c *check) {
	if name := c.object.Key.Name; len(name) > longestName {
		c.say(c.fixed("metadata", "name"), "name %q has %d characters, at most %d are allowed", name, len(name), longestName)
	}
}

func checkNamePrefix(c *check) {
	if name := c.object.Key.Name; strings.HasPrefix(name, externalPrefix) {
		c.say(c.fixed("metadata", "name"), "name %q begins with %q", name, externalPrefix)
	}
}

func checkLabels(c *check) {
	for _, section := range []string{"labels", "annotations"} {
		at := c.fixed("metadata", section)
		if _, isMap := at.value.(tree); at.present() && !isMap {
			c.say(at, "%s are not a map of strings", section)
		}
		for key, n := range at.entries() {
			c.label(section, key, n)
		}
	}
}

func (c *check) label(section, key string, n node) {
	value, isText := n.value.(string)
	if !isText && n.present() {
		c.say(n, "value %v is not a string", n.value)
		return
	}
	if problems := validation.IsQualifiedName(strings.ToLower(key)); len(problems) > 0 {
		c.say(n, "key %q: %s", key, problems[0])
	}
	if section != "labels" {
		return
	}
	if problems := validation.IsValidLabelValue(value); len(problems) > 0 {
		c.say(n, "value %q: %s", value, problems[0])
	}
}

var metadataFields = []string{
	"annotations", "creationTimestamp", "deletionGracePeriodSeconds", "deletionTimestamp", "finalizers", "generateName",
	"generation", "labels", "managedFields", "name", "namespace", "ownerReferences", "resourceVersion", "selfLink", "uid",
}

func checkMetadata(c *check) {
	for key, n := range c.fixed("metadata").entries() {
		if !slices.Contains(metadataFields, key) {
			c.say(n, "field %q does not exist", key)
		}
	}
}

func checkReferences(c *check) {
	seen := map[fabric.Key]bool{}
	for _, ref := range References(c.object) {
		place := node{pointer: ref.Pointer, value: ref.To.Name} // present, unless a default refers
		target, state := c.find(ref.To)
		switch {
		case ref.To.Kind == SwitchProfile || ref.To == keyOf(GatewayGroup, DefaultNamespace):
			// Profiles have their own rule; the controller makes the default group.
		case state == there:
			c.part(place, ref, target)
		case seen[ref.To]:
		case state == absent:
			c.dangling(place, ref)
		default:
			c.lookedFor(c.missing, ref)
		}
		if state != there {
			seen[ref.To] = true
		}
	}
}

func (c *check) dangling(place node, ref Reference) {
	severity := c.rule.Severity
	if t, ok := connectionTypeOf(child(c.object.Object, "spec")); ref.From.Kind == Connection && (ref.To.Kind == Gateway || ok && t.deprecated) {
		severity = fabric.Warning
	}
	where := "neither in this directory nor in the cluster"
	if c.live == nil {
		where = "not in this directory, which has other objects of this kind"
	}
	c.add(severity, place, ref.To.Kind.Name+" "+ref.To.Name+" is "+where)
}

func (c *check) lookedFor(in map[fabric.Key]*uncheckedObject, ref Reference) {
	if in[ref.To] == nil {
		in[ref.To] = &uncheckedObject{first: c.object, place: nearest(c.object.Object, ref.Pointer)}
	}
	in[ref.To].count++
}

// part checks what is needed inside the target. Ports have their own rules.
func (c *check) part(place node, ref Reference, target fabric.Resource) {
	if ref.To.Kind != VPC || ref.Part == "" || target.Object == nil {
		return
	}
	subnets := specOf(target).at("subnets")
	if _, isMap := subnets.value.(tree); isMap && !hasMember(subnets, ref.Part) {
		c.say(place, "VPC %s has no subnet %q, it has %s", ref.To.Name, ref.Part, strings.Join(memberNames(subnets), ", "))
	}
}

func hasMember(n node, key string) bool {
	m, _ := n.value.(tree)
	_, ok := m[key]
	return ok
}

func memberNames(n node) []string {
	m, _ := n.value.(tree)
	return keysOf(m)
}

// checkStillUsed looks from the other side: at what only the cluster has.
func checkStillUsed(c *check) {
	subnets := c.spec.at("subnets")
	for _, ref := range c.liveUses[c.object.Key] {
		if !hasMember(subnets, ref.Part) {
			c.say(subnets, "subnet %q is gone, and %s in the cluster uses it", ref.Part, ref.From)
		}
	}
}

// liveReferences returns which subnets objects need that are only in the cluster.
func (w *world) liveReferences() map[fabric.Key][]Reference {
	out := map[fabric.Key][]Reference{}
	for _, kind := range UserKinds() {
		for r := range w.liveOnly(kind) {
			for _, ref := range References(r) {
				if ref.To.Kind == VPC && ref.Part != "" {
					out[ref.To] = append(out[ref.To], ref)
				}
			}
		}
	}
	return out
}
