package wiringtest

import "fmt"

// VLANs of the default namespace.
const (
	firstVLAN = 1000
	lastVLAN  = 2999
)

func vpcName(i int) string { return fmt.Sprintf("vpc-%04d", i+1) }

func subnetName(i int) string {
	if i == 0 {
		return "default"
	}
	return fmt.Sprintf("subnet-%02d", i+1)
}

func (b *builder) vpcs() {
	if b.spec.VPCs*b.spec.Subnets > lastVLAN-firstVLAN+1 {
		panic("wiringtest: more subnets than VLANs")
	}
	for i := range b.spec.VPCs {
		subnets := tree{}
		for j := range b.spec.Subnets {
			subnets[subnetName(j)] = subnet(i*b.spec.Subnets+j, j)
		}
		b.add(vpcAPI, "VPC", vpcName(i), tree{"ipv4Namespace": "default", "vlanNamespace": "default", "subnets": subnets})
	}
}

// subnet returns the n-th subnet of the fabric. The first of every VPC has DHCP
// with options, the second with a static lease, and the others none.
func subnet(n, inVPC int) tree {
	prefix := address("10.0.1.0", 256*n)
	s := tree{"subnet": prefix + "/24", "gateway": address(prefix, 1), "vlan": int64(firstVLAN + n)}
	switch inVPC {
	case 0:
		s["dhcp"] = tree{"enable": true, "range": tree{"start": address(prefix, 10), "end": address(prefix, 199)},
			"options": tree{"dnsServers": []any{"1.1.1.1"}, "timeServers": []any{"1.1.1.1"}, "interfaceMTU": int64(9036), "leaseTimeSeconds": int64(3600)}}
	case 1:
		s["dhcp"] = tree{"enable": true, "range": tree{"start": address(prefix, 10), "end": address(prefix, 99)},
			"static": tree{fmt.Sprintf("0c:20:12:fe:%02x:%02x", n>>8, n&0xff): tree{"ip": address(prefix, 10)}}}
	}
	return s
}

// attachments attaches server connections to subnets, every pair at most once.
func (b *builder) attachments() {
	subnets := b.spec.VPCs * b.spec.Subnets
	if b.spec.Attachments > subnets*len(b.connections) {
		panic("wiringtest: more attachments than pairs of connection and subnet")
	}
	for i := range b.spec.Attachments {
		at, round := i%len(b.connections), i/len(b.connections)
		n := (at + round) % subnets
		vpc, subnet := vpcName(n%b.spec.VPCs), subnetName(n/b.spec.VPCs)
		b.add(vpcAPI, "VPCAttachment", vpc+"--"+subnet+"--"+b.connections[at], tree{"connection": b.connections[at], "subnet": vpc + "/" + subnet})
	}
}

func (b *builder) peerings() {
	if b.spec.Peerings > b.spec.VPCs/2 {
		panic("wiringtest: more peerings than pairs of neighbouring VPCs")
	}
	for i := range b.spec.Peerings {
		left, right := vpcName(2*i), vpcName(2*i+1)
		b.add(vpcAPI, "VPCPeering", left+"--"+right, tree{"permit": []any{tree{left: tree{}, right: tree{}}}})
	}
}

// externals adds outside networks, by BGP and static in turn.
func (b *builder) externals() {
	for i := range b.spec.Externals {
		name := fmt.Sprintf("ext-%03d", i+1)
		leaf := leafName(i % b.leaves())
		connection := fmt.Sprintf("%s--external--%s", leaf, name)
		b.add(wiring, "Connection", connection, tree{"external": tree{"link": tree{"switch": tree{"port": b.outside(leaf, i/b.leaves())}}}})
		if i%2 == 0 {
			b.routed(i, name, connection)
		} else {
			b.static(i, name, connection)
		}
		if b.spec.VPCs > 0 && b.spec.Subnets > 0 {
			b.permit(name, vpcName(i%b.spec.VPCs))
		}
	}
}

// outside returns a leaf's n-th port from the last.
func (b *builder) outside(leaf string, n int) string {
	at := switchPorts - n
	if at <= serverPorts+b.uplinks[leaf] {
		panic(fmt.Sprintf("wiringtest: %s has no port left for an external", leaf))
	}
	return port(leaf, at)
}

func (b *builder) routed(i int, name, connection string) {
	b.add(vpcAPI, "External", name, tree{"ipv4Namespace": "default",
		"inboundCommunity": fmt.Sprintf("65102:%d", 1000+i), "outboundCommunity": fmt.Sprintf("64102:%d", 1000+i)})
	network := address("100.64.0.0", 256*i)
	b.add(vpcAPI, "ExternalAttachment", connection+"--attachment", tree{"connection": connection, "external": name,
		"switch":   tree{"ip": address(network, 1) + "/24", "vlan": int64(10)},
		"neighbor": tree{"asn": int64(64102), "ip": address(network, 6)}})
}

func (b *builder) static(i int, name, connection string) {
	b.add(vpcAPI, "External", name, tree{"ipv4Namespace": "default", "static": tree{"prefixes": []any{"0.0.0.0/0"}}})
	network := address("100.64.0.0", 256*i)
	b.add(vpcAPI, "ExternalAttachment", connection+"--attachment", tree{"connection": connection, "external": name,
		"neighbor": tree{}, "switch": tree{},
		"static": tree{"ip": address(network, 1) + "/24", "remoteIP": address(network, 6), "vlan": int64(20)}})
}

func (b *builder) permit(external, vpc string) {
	b.add(vpcAPI, "ExternalPeering", vpc+"--"+external, tree{"permit": tree{
		"external": tree{"name": external, "prefixes": []any{tree{"prefix": "0.0.0.0/0"}}},
		"vpc":      tree{"name": vpc, "subnets": []any{subnetName(0)}},
	}})
}
