package hedgehog

import (
	"cmp"
	"slices"
	"strings"

	"github.com/hedgesync/hedgesync/internal/fabric"
)

// Owner says who writes the objects of a kind.
type Owner string

// The owners. Only User kinds belong in Git.
const (
	User       Owner = "user"
	Controller Owner = "controller" // the fabric controller or a switch writes it
	Installer  Owner = "installer"  // the installation writes it
	Unused     Owner = "unused"     // defined by the API, read by nobody
)

// Info describes one kind.
type Info struct {
	Kind    fabric.Kind
	Version string // the one served version
	Plural  string // resource name in URLs
	Owner   Owner
	// Tier orders writes: what an object needs lies in a lower tier, or, for a
	// relayVPC (VPC to VPC) and a gateway link (Connection to Gateway, which the
	// server does not check), in the same. Deletes run in reverse.
	Tier   int
	Reason string // why the kind is refused in Git; "" for a User kind
}

// API groups.
const (
	wiringGroup     = "wiring.githedgehog.com"
	vpcGroup        = "vpc.githedgehog.com"
	gatewayGroup    = "gateway.githedgehog.com"
	agentGroup      = "agent.githedgehog.com"
	dhcpGroup       = "dhcp.githedgehog.com"
	gwintGroup      = "gwint.githedgehog.com"
	fabricatorGroup = "fabricator.githedgehog.com"
)

// The kinds, version-free.
var (
	VLANNamespace      = fabric.Kind{Group: wiringGroup, Name: "VLANNamespace"}
	SwitchGroup        = fabric.Kind{Group: wiringGroup, Name: "SwitchGroup"}
	Switch             = fabric.Kind{Group: wiringGroup, Name: "Switch"}
	Server             = fabric.Kind{Group: wiringGroup, Name: "Server"}
	Connection         = fabric.Kind{Group: wiringGroup, Name: "Connection"}
	SwitchProfile      = fabric.Kind{Group: wiringGroup, Name: "SwitchProfile"}
	ServerProfile      = fabric.Kind{Group: wiringGroup, Name: "ServerProfile"}
	IPv4Namespace      = fabric.Kind{Group: vpcGroup, Name: "IPv4Namespace"}
	VPC                = fabric.Kind{Group: vpcGroup, Name: "VPC"}
	VPCAttachment      = fabric.Kind{Group: vpcGroup, Name: "VPCAttachment"}
	VPCPeering         = fabric.Kind{Group: vpcGroup, Name: "VPCPeering"}
	External           = fabric.Kind{Group: vpcGroup, Name: "External"}
	ExternalAttachment = fabric.Kind{Group: vpcGroup, Name: "ExternalAttachment"}
	ExternalPeering    = fabric.Kind{Group: vpcGroup, Name: "ExternalPeering"}
	Gateway            = fabric.Kind{Group: gatewayGroup, Name: "Gateway"}
	GatewayGroup       = fabric.Kind{Group: gatewayGroup, Name: "GatewayGroup"}
	GatewayPeering     = fabric.Kind{Group: gatewayGroup, Name: "GatewayPeering"}
	VPCInfo            = fabric.Kind{Group: gatewayGroup, Name: "VPCInfo"}
	GatewayAgent       = fabric.Kind{Group: gwintGroup, Name: "GatewayAgent"}
	Agent              = fabric.Kind{Group: agentGroup, Name: "Agent"}
	Catalog            = fabric.Kind{Group: agentGroup, Name: "Catalog"}
	DHCPSubnet         = fabric.Kind{Group: dhcpGroup, Name: "DHCPSubnet"}
	Fabricator         = fabric.Kind{Group: fabricatorGroup, Name: "Fabricator"}
	ControlNode        = fabric.Kind{Group: fabricatorGroup, Name: "ControlNode"}
	FabNode            = fabric.Kind{Group: fabricatorGroup, Name: "FabNode"}
)

// lastTier holds what nobody orders: kinds we never write, and unknown ones.
const lastTier = 4

// Why kinds that are not the user's are refused in Git.
const (
	refuseProfile = "the fabric controller makes the switch profiles at its start, refuses others and deletes those it does not know"
	refuseUnused  = "the fabric does not read this kind"
	refuseSwitch  = "the fabric controller renders it from the user's objects, and the switch reports into it"
	refuseCatalog = "the fabric controller records the identifiers it gave out in it"
	refuseDHCP    = "the fabric controller renders it from the VPCs, and the DHCP server keeps its leases in it"
	refuseVPCInfo = "the fabric controller renders it from VPCs and externals"
	refuseGateway = "the fabric controller renders it from gateways and peerings, and the gateway reports into it"
	refuseInstall = "it configures the installation, not the fabric; change it with the installer"
)

var kinds = sortKinds([]Info{
	{VLANNamespace, "v1beta1", "vlannamespaces", User, 0, ""},
	{IPv4Namespace, "v1beta1", "ipv4namespaces", User, 0, ""},
	{SwitchGroup, "v1beta1", "switchgroups", User, 0, ""},
	{Server, "v1beta1", "servers", User, 0, ""},
	{GatewayGroup, "v1alpha1", "gatewaygroups", User, 0, ""},
	{Switch, "v1beta1", "switches", User, 1, ""},
	{VPC, "v1beta1", "vpcs", User, 1, ""},
	{External, "v1beta1", "externals", User, 1, ""},
	{Connection, "v1beta1", "connections", User, 2, ""},
	{Gateway, "v1alpha1", "gateways", User, 2, ""},
	{VPCAttachment, "v1beta1", "vpcattachments", User, 3, ""},
	{VPCPeering, "v1beta1", "vpcpeerings", User, 3, ""},
	{ExternalAttachment, "v1beta1", "externalattachments", User, 3, ""},
	{ExternalPeering, "v1beta1", "externalpeerings", User, 3, ""},
	{GatewayPeering, "v1alpha1", "gatewaypeerings", User, 3, ""},

	{SwitchProfile, "v1beta1", "switchprofiles", Controller, lastTier, refuseProfile},
	{ServerProfile, "v1beta1", "serverprofiles", Unused, lastTier, refuseUnused},
	{Agent, "v1beta1", "agents", Controller, lastTier, refuseSwitch},
	{Catalog, "v1beta1", "catalogs", Controller, lastTier, refuseCatalog},
	{DHCPSubnet, "v1beta1", "dhcpsubnets", Controller, lastTier, refuseDHCP},
	{VPCInfo, "v1alpha1", "vpcinfos", Controller, lastTier, refuseVPCInfo},
	{GatewayAgent, "v1alpha1", "gatewayagents", Controller, lastTier, refuseGateway},
	{Fabricator, "v1beta1", "fabricators", Installer, lastTier, refuseInstall},
	{ControlNode, "v1beta1", "controlnodes", Installer, lastTier, refuseInstall},
	{FabNode, "v1beta1", "fabnodes", Installer, lastTier, refuseInstall},
})

var kindIndex = indexKinds(kinds)

func sortKinds(all []Info) []Info {
	slices.SortFunc(all, func(a, b Info) int {
		return cmp.Or(cmp.Compare(a.Tier, b.Tier), strings.Compare(a.Kind.Name, b.Kind.Name))
	})
	return all
}

func indexKinds(all []Info) map[fabric.Kind]Info {
	index := make(map[fabric.Kind]Info, len(all))
	for _, i := range all {
		index[i.Kind] = i
	}
	return index
}

// Kinds returns every Hedgehog kind, ordered by tier, then name.
func Kinds() []Info { return slices.Clone(kinds) }

// UserKinds returns the kinds that belong in Git, ordered by tier, then name.
func UserKinds() []fabric.Kind {
	var users []fabric.Kind
	for _, i := range kinds {
		if i.Owner == User {
			users = append(users, i.Kind)
		}
	}
	return users
}

// Lookup returns what is known of a kind.
func Lookup(k fabric.Kind) (Info, bool) {
	i, ok := kindIndex[k]
	return i, ok
}

// Tier returns the kind's place in the order of writes, from 0; a kind that is
// not the user's comes last.
func Tier(k fabric.Kind) int {
	if i, ok := kindIndex[k]; ok {
		return i.Tier
	}
	return lastTier
}
