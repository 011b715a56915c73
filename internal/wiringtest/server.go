package wiringtest

import "fmt"

// servers spreads servers over the pairs and the single leaves: on a pair by
// ESLAG, mostly, else bundled or unbundled.
func (b *builder) servers() {
	for i := range b.spec.Servers {
		name := fmt.Sprintf("server-%04d", i+1)
		b.add(wiring, "Server", name, tree{"description": fmt.Sprintf("Server %d", i+1)})
		b.connect(i, name)
	}
}

func (b *builder) connect(i int, server string) {
	racks := b.spec.Pairs + b.spec.Leaves
	rack, round := i%racks, i/racks
	if rack >= b.spec.Pairs {
		b.single(round, server, leafName(2*b.spec.Pairs+rack-b.spec.Pairs))
		return
	}
	first, second := leafName(2*rack), leafName(2*rack+1)
	if round%8 == 7 {
		b.single(round/8, server, second)
		return
	}
	b.connection(server+"--eslag--"+first+"--"+second, tree{"eslag": tree{"links": []any{b.cable(server, 1, first), b.cable(server, 2, second)}}})
}

// single connects a server to one leaf, by one cable or two in turn.
func (b *builder) single(round int, server, leaf string) {
	if round%2 == 0 {
		b.connection(server+"--unbundled--"+leaf, tree{"unbundled": tree{"link": b.cable(server, 1, leaf)}})
		return
	}
	b.connection(server+"--bundled--"+leaf, tree{"bundled": tree{"links": []any{b.cable(server, 1, leaf), b.cable(server, 2, leaf)}}})
}

func (b *builder) connection(name string, spec tree) {
	b.add(wiring, "Connection", name, spec)
	b.connections = append(b.connections, name)
}

func (b *builder) cable(server string, n int, leaf string) tree {
	return tree{"server": tree{"port": fmt.Sprintf("%s/enp2s%d", server, n)}, "switch": tree{"port": b.downlink(leaf)}}
}
