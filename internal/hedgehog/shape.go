package hedgehog

import (
	"strings"

	"github.com/hedgesync/hedgesync/internal/fabric"
)

// shape says where in a spec presence itself carries meaning. Everywhere else the
// API's zero value and absence are one: its types omit what is empty, and its
// webhooks add what is empty.
type shape struct {
	counts bool // present and absent differ, even if the value is zero
	object bool // an entry whose value is an object: null stands for {}
	fields map[string]*shape
	each   *shape // any other map key, and list elements
}

// at returns the shape below key; "*" is a list element.
func (s *shape) at(key string) *shape {
	if s == nil {
		return nil
	}
	if f, ok := s.fields[key]; ok {
		return f
	}
	return s.each
}

// shapes lists, for each kind, the places in spec where presence counts: entries
// of maps that users name, optional objects and three-valued flags. "*" is any
// key or element; a trailing "{}" marks map entries that hold an object. An
// optional object that nobody wants has to go as a whole: the webhooks fill again
// what is taken out of it.
var shapes = map[fabric.Kind]*shape{
	Switch: shapeOf("portGroupSpeeds/*", "portSpeeds/*", "portBreakouts/*", "portAutoNegs/*", "portFECs/*",
		"linkFlapErrDisable", "linkFlapErrDisable/recoveryInterval"),
	Connection: shapeOf("*"),
	VPC: shapeOf("subnets/*{}", "subnets/*/isolated", "subnets/*/restricted",
		"subnets/*/dhcp/range", "subnets/*/dhcp/options", "subnets/*/dhcp/static/*{}"),
	VPCPeering:         shapeOf("permit/*/*{}"),
	External:           shapeOf("static"),
	ExternalAttachment: shapeOf("static", "inboundACL", "inboundACL/statements/*/icmpType", "inboundACL/statements/*/icmpCode"),
	Gateway:            shapeOf("interfaces/*{}", "logs/tags/*", "logs/rateLimit"),
	GatewayPeering: shapeOf("peering/*{}", "acl", "peering/*/expose/*/nat/masquerade",
		"peering/*/expose/*/nat/portForward", "peering/*/expose/*/nat/static"),
}

func shapeOf(paths ...string) *shape {
	root := &shape{}
	for _, path := range paths {
		path, object := strings.CutSuffix(path, "{}")
		s := root
		for key := range strings.SplitSeq(path, "/") {
			s = s.grow(key)
		}
		s.counts, s.object = true, object
	}
	return root
}

func (s *shape) grow(key string) *shape {
	if key == "*" {
		if s.each == nil {
			s.each = &shape{}
		}
		return s.each
	}
	if s.fields == nil {
		s.fields = map[string]*shape{}
	}
	if s.fields[key] == nil {
		s.fields[key] = &shape{}
	}
	return s.fields[key]
}
