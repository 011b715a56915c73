// Package manifest reads a directory of YAML into the wanted state of a fabric.
//
//	files -> documents -> values -> objects -> one Snapshot, and every problem at file:line:column
//
// It promises three things. Values are what the Kubernetes API would decode: the
// same library reads them, YAML 1.1 booleans and all. Every problem is reported in
// one pass, and what is sound beside it is kept. And nothing unread looks absent: a
// document that cannot be identified makes the coverage of every kind it may have
// been Partial, so that a broken file never deletes anything.
//
// A second parser is asked for positions, and only about documents that need them:
// it never has a say in a value.
package manifest
