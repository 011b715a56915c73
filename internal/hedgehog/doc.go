// Package hedgehog knows what Hedgehog's objects mean: which kinds belong in Git,
// what its admission webhooks make of an object, which objects need which, and
// what a change does to the network.
//
// Everything here is pure: no I/O, no clock, no logger. Every function accepts any
// decoded JSON tree, however wrong its types, without panic; what it cannot read
// it leaves alone, for the rules and the server to refuse. No function changes
// its arguments.
//
// One wanted object takes this path:
//
//	Git --Canonical--> what to send --Expected--> what the server will store --Difference--> what differs live
package hedgehog
