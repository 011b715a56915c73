package kubetest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
)

// binaries returns the folder of kube-apiserver and etcd, building them first
// when this machine has none yet (about four minutes, once).
var binaries = sync.OnceValues(func() (string, error) { return build("tools", "kube", "build") })

// build runs one of the project's build scripts and returns what it prints.
func build(script ...string) (string, error) {
	root, err := moduleRoot()
	if err != nil {
		return "", err
	}
	cmd := exec.Command(filepath.Join(append([]string{root}, script...)...))
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s: %w", cmd.Path, err)
	}
	return strings.TrimSpace(string(out)), nil
}

// moduleRoot is the folder two above this file's package.
func moduleRoot() (string, error) {
	_, file, _, ok := runtime.Caller(0)
	if !ok || !filepath.IsAbs(file) {
		return "", errors.New("kubetest needs a test binary built without -trimpath")
	}
	return filepath.Join(filepath.Dir(file), "..", ".."), nil
}
