package main_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/hedgesync/hedgesync/internal/kubetest"
)

// binary is the program, built once as it is shipped.
var binary string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "hedgesync-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	binary = filepath.Join(dir, "hedgesync")
	build := exec.Command("go", "build", "-p", "2", "-o", binary, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	build.Stderr = os.Stderr
	code := 1
	if err := build.Run(); err == nil {
		code = kubetest.Run(m)
	}
	_ = os.RemoveAll(dir)
	os.Exit(code)
}
