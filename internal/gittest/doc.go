// Package gittest serves real Git repositories to tests: smart HTTP and SSH, in
// process, with authentication, TLS and faults on demand.
//
// The repositories are ordinary bare ones on disk and the servers speak Git's own
// protocol, so what a test proves here holds for a client that meets a real host.
package gittest
