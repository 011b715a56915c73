package kubetest

import (
	"fmt"
	"io/fs"
	"os"
	"sync"
	"testing"
)

var shared struct {
	once   sync.Once
	server *Server
	dir    string
	err    error
	crds   []fs.FS
}

// Main runs the tests of a binary and then stops the shared server, if any test
// asked for it. Every definition in crds is installed when it starts. Call it
// from TestMain; it does not return.
func Main(m *testing.M, crds ...fs.FS) {
	shared.crds = crds
	os.Exit(Run(m))
}

// Run is Main for a TestMain that has checks of its own to make after the tests:
// it returns the exit code instead of exiting.
func Run(m *testing.M, crds ...fs.FS) int {
	shared.crds = append(shared.crds, crds...)
	code := m.Run()
	stopShared()
	return code
}

// Shared returns the server that all tests of this binary use.
func Shared(tb testing.TB) *Server {
	tb.Helper()
	shared.once.Do(startShared)
	if shared.err != nil {
		tb.Fatalf("shared API server: %v", shared.err)
	}
	return shared.server
}

func startShared() {
	if shared.dir, shared.err = os.MkdirTemp("", "kubetest-"); shared.err != nil {
		return
	}
	if shared.server, shared.err = start(shared.dir); shared.err != nil {
		return
	}
	for _, files := range shared.crds {
		if shared.err = shared.server.install(files); shared.err != nil {
			return
		}
	}
}

func stopShared() {
	if shared.server != nil {
		shared.server.stop()
	}
	if shared.dir == "" {
		return
	}
	if err := os.RemoveAll(shared.dir); err != nil {
		fmt.Fprintln(os.Stderr, "kubetest:", err)
	}
}
