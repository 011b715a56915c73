package wiringtest

import (
	"fmt"
	"strings"
)

// gateways adds gateways in one group, and a peering through them.
func (b *builder) gateways() {
	if b.spec.Gateways == 0 {
		return
	}
	b.add(gateway, "GatewayGroup", "default", tree{})
	for i := range b.spec.Gateways {
		b.gateway(i)
	}
	if n := b.spec.VPCs; n >= 2 && b.spec.Subnets > 0 {
		b.gatewayPeering(0, n-1)
	}
}

func (b *builder) gateway(i int) {
	name := fmt.Sprintf("gateway-%d", i+1)
	interfaces := tree{}
	var neighbors []any
	for spine := range b.spec.Spines {
		nic := fmt.Sprintf("enp2s%d", spine+1)
		upper, lower := b.link()
		b.add(wiring, "Connection", spineName(spine)+"--gateway--"+name, tree{"gateway": tree{"links": []any{tree{
			"switch":  tree{"ip": upper, "port": b.uplink(spineName(spine), 0)},
			"gateway": tree{"ip": lower, "port": name + "/" + nic},
		}}}})
		interfaces[nic] = tree{"ips": []any{lower}, "mtu": int64(9100)}
		peer, _, _ := strings.Cut(upper, "/")
		neighbors = append(neighbors, tree{"asn": int64(65100), "ip": peer, "source": nic})
	}
	nodes := b.spec.Spines + b.leaves() + i
	b.add(gateway, "Gateway", name, tree{
		"asn": int64(65534), "groups": []any{tree{"name": "default", "priority": int64(i)}},
		"interfaces": interfaces, "neighbors": neighbors, "workers": int64(8),
		"protocolIP": address("172.30.8.0", nodes) + "/32", "vtepIP": address("172.30.12.0", b.leaves()+i) + "/32",
		"vtepMAC": fmt.Sprintf("ca:fe:ba:be:01:%02x", i+1), "vtepMTU": int64(9036),
	})
}

func (b *builder) gatewayPeering(left, right int) {
	expose := func(vpc int) tree {
		return tree{"expose": []any{tree{"ips": []any{tree{"cidr": address("10.0.1.0", 256*vpc*b.spec.Subnets) + "/24"}}}}}
	}
	b.add(gateway, "GatewayPeering", vpcName(left)+"--"+vpcName(right), tree{"gatewayGroup": "default",
		"peering": tree{vpcName(left): expose(left), vpcName(right): expose(right)}})
}
