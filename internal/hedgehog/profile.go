package hedgehog

import (
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"

	"github.com/hedgesync/hedgesync/internal/fabric"
)

// Profiles are the switch models a fabric controller knows, by name. The zero
// value knows none: every port fact is then unknown, which is not the same as wrong.
type Profiles struct{ byName map[string]*Profile }

// Profile is one switch model: its ports, what they can do, and its limits.
type Profile struct {
	name      string
	features  map[string]bool
	ports     map[string]profilePort
	classes   map[string]portClass
	groups    map[string]string // port group -> class
	maxPorts  int64             // 0 is unlimited
	pipelines map[string]int64  // pipeline -> most ports
}

type profilePort struct {
	class, group, pipeline string
	management             bool
}

// portClass is what the API calls a port profile: speeds or breakouts, never both.
type portClass struct {
	speeds    []string
	breakouts map[string]int // mode -> number of lanes
	breakout  string         // mode without configuration
	autoNeg   bool
}

// NewProfiles reads the SwitchProfile objects among resources and passes over
// the rest. A profile that cannot be read is a Warning and stays unknown.
func NewProfiles(resources iter.Seq[fabric.Resource]) (Profiles, []fabric.Problem) {
	p := Profiles{map[string]*Profile{}}
	var problems []fabric.Problem
	for r := range resources {
		if r.Key.Kind != SwitchProfile {
			continue
		}
		one := newProfile(r)
		if len(one.ports) == 0 {
			problems = append(problems, fabric.Problem{
				Rule: "profile.unreadable", Severity: fabric.Warning, Origin: r.Origin, Key: r.Key, Pointer: "/spec/ports",
				Message: fmt.Sprintf("switch profile %s lists no ports: ports of its switches are not checked", r.Key.Name),
			})
			continue
		}
		p.byName[one.name] = one
	}
	return p, problems
}

// Lookup returns the profile with this name.
func (p Profiles) Lookup(name string) (*Profile, bool) {
	one, ok := p.byName[name]
	return one, ok
}

func newProfile(r fabric.Resource) *Profile {
	spec := node{r.Object, ""}.at("spec")
	p := &Profile{
		name: r.Key.Name, maxPorts: spec.at("maxPorts").number(),
		features: map[string]bool{}, ports: map[string]profilePort{}, classes: map[string]portClass{},
		groups: map[string]string{}, pipelines: map[string]int64{},
	}
	for name, n := range spec.at("features").entries() {
		p.features[name] = n.flag()
	}
	for name, n := range spec.at("ports").entries() {
		p.ports[name] = profilePort{n.at("profile").text(), n.at("group").text(), n.at("pipeline").text(), n.at("management").flag()}
	}
	for name, n := range spec.at("portGroups").entries() {
		p.groups[name] = n.at("profile").text()
	}
	for name, n := range spec.at("portProfiles").entries() {
		p.classes[name] = newPortClass(n)
	}
	for name, n := range spec.at("pipelines").entries() {
		p.pipelines[name] = n.at("maxPorts").number()
	}
	return p
}

func newPortClass(n node) portClass {
	c := portClass{
		speeds:   n.at("speed", "supported").texts(),
		breakout: n.at("breakout", "default").text(),
		autoNeg:  n.at("autoNegAllowed").flag(),
	}
	for mode, offsets := range n.at("breakout", "supported").entries() {
		if c.breakouts == nil {
			c.breakouts = map[string]int{}
		}
		c.breakouts[mode] = offsets.at("offsets").size()
	}
	return c
}

// Feature reports whether the model has a feature, such as "eslag" or "roce".
func (p *Profile) Feature(name string) bool { return p.features[name] }

// class returns what the port, or the group it belongs to, can do.
func (p *Profile) class(port profilePort) portClass {
	if port.group != "" {
		return p.classes[p.groups[port.group]]
	}
	return p.classes[port.class]
}

// HasPort reports whether a switch of this model has a port of this name.
// breakouts is the switch's own breakout configuration; ports it does not name
// are in the model's default mode. "E1/53" and "E1/53/1" are one port if E1/53
// can be broken out. In a mode the model does not know every lane is taken to exist.
func (p *Profile) HasPort(name string, breakouts map[string]string) bool {
	if _, ok := p.ports[name]; ok {
		return true
	}
	cut := strings.LastIndexByte(name, '/')
	if cut < 0 {
		return false
	}
	lane, err := strconv.Atoi(name[cut+1:])
	if err != nil || strconv.Itoa(lane) != name[cut+1:] {
		return false
	}
	lanes, known := p.lanes(name[:cut], breakouts)
	return lane >= 1 && (!known || lane <= lanes)
}

// lanes returns into how many ports a base port is broken out; not known if its
// configured mode is not one of the model's.
func (p *Profile) lanes(base string, breakouts map[string]string) (n int, known bool) {
	port, ok := p.ports[base]
	if !ok {
		return 0, true
	}
	class := p.class(port)
	if class.breakouts == nil {
		return 0, true
	}
	mode := class.breakout
	if configured := breakouts[base]; configured != "" {
		mode = configured
	}
	n, known = class.breakouts[mode]
	return n, known
}

// Breakouts returns the modes a base port supports, in order; none if it cannot
// be broken out or does not exist.
func (p *Profile) Breakouts(base string) []string {
	return keysOf(p.class(p.ports[base]).breakouts)
}

// Speeds returns the speeds that can be configured on a port by itself: none if
// it belongs to a port group, can be broken out, or does not exist.
func (p *Profile) Speeds(port string) []string {
	if p.ports[port].group != "" {
		return nil
	}
	return slices.Clone(p.classes[p.ports[port].class].speeds)
}

// GroupSpeeds returns the speeds of a port group.
func (p *Profile) GroupSpeeds(group string) ([]string, bool) {
	class, ok := p.groups[group]
	return slices.Clone(p.classes[class].speeds), ok
}

// AutoNeg reports whether auto-negotiation can be set on a base port or lane.
func (p *Profile) AutoNeg(name string) bool { return p.class(p.ports[p.base(name)]).autoNeg }

// base returns the port a lane belongs to, or the name itself.
func (p *Profile) base(name string) string {
	if _, ok := p.ports[name]; ok {
		return name
	}
	if cut := strings.LastIndexByte(name, '/'); cut >= 0 {
		return name[:cut]
	}
	return name
}

// An excess is a limit that a breakout configuration breaks.
type excess struct {
	what       string // "the switch" or "pipeline 3"
	ports, max int64
}

// excesses returns the limits broken by a breakout configuration. Only ports
// that lie in a pipeline count when the model has pipelines: the others are the
// few low-speed ports beside the switching chip's limits.
func (p *Profile) excesses(breakouts map[string]string) []excess {
	var total int64
	perPipeline := map[string]int64{}
	for name, port := range p.ports {
		if port.management || (len(p.pipelines) > 0 && port.pipeline == "") {
			continue
		}
		n := p.size(name, breakouts)
		total += n
		perPipeline[port.pipeline] += n
	}
	var out []excess
	if p.maxPorts > 0 && total > p.maxPorts {
		out = append(out, excess{"the switch", total, p.maxPorts})
	}
	for _, name := range keysOf(p.pipelines) {
		if limit := p.pipelines[name]; limit > 0 && perPipeline[name] > limit {
			out = append(out, excess{"pipeline " + name, perPipeline[name], limit})
		}
	}
	return out
}

// size returns how many ports a base port counts for.
func (p *Profile) size(base string, breakouts map[string]string) int64 {
	if n, known := p.lanes(base, breakouts); known && n > 0 {
		return int64(n)
	}
	return 1
}
