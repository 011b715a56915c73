// Package wiringtest makes valid Hedgehog fabrics of any size, for tests and
// benchmarks: the same Spec is the same fabric, object for object.
//
// The fabrics are complete and hydrated: every reference resolves, every address,
// VLAN and ASN is unique and in its range, every port exists and is used once.
// Production code does not import it.
package wiringtest
