package wiringtest

// Spec is the size of a fabric. The zero Spec is the two namespaces alone.
type Spec struct {
	Spines  int
	Pairs   int // ESLAG pairs of leaves
	Leaves  int // leaves on their own
	Servers int // spread over pairs and leaves in turn

	VPCs        int
	Subnets     int // per VPC; every one has a VLAN of its own
	Attachments int // of server connections to subnets, in all
	Peerings    int // between neighbouring VPCs

	Externals int // each on a connection of its own, attached and peered to a VPC
	Gateways  int // each connected to every spine; with two VPCs or more they are peered
}

// ports of a switch of the profile, of which a leaf keeps some for what is no server.
const (
	switchPorts  = 48
	reservedPort = 8 // a leaf's ports 41 to 48: spines from the first, externals from the last
	serverPorts  = switchPorts - reservedPort
)

// Sized returns a fabric of exactly n objects, for n from 10 to 5,000.
func Sized(n int) []map[string]any {
	s := shape(n)
	for len(Fabric(s)) > n {
		s.Servers--
	}
	s.Attachments = n - len(Fabric(s))
	return Fabric(s)
}

// shape is a fabric of about n objects: about two fifths wiring, the rest overlay.
func shape(n int) Spec {
	s := Spec{Spines: min(1+n/400, 4), Pairs: min((n+100)/200, 22), VPCs: max(1, n/40), Subnets: 3, Externals: min(n/250, 20), Gateways: min(n/1000, 2)}
	s.Peerings = s.VPCs / 2
	if s.Pairs == 0 {
		s.Leaves = 1
	}
	s.Servers = max(1, min(n/5, (s.Pairs+s.Leaves)*serverPorts/2))
	return s
}
