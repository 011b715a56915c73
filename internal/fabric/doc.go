// Package fabric holds the words every other room speaks: which fabric, which
// object, where it was written, what was read and what was not.
//
// Values of this package are immutable by convention: an object tree handed to a
// Resource or a Snapshot is never changed afterwards by anybody.
package fabric
