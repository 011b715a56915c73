package world

import (
	"encoding/json"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

func free(port int) bool {
	listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		return false
	}
	return listener.Close() == nil
}

// remember writes the ports for the next start and an env file for shells.
func (w *World) remember() error {
	ports := map[string]int{"git": portOf(w.CloneURL())}
	for _, cluster := range w.Clusters {
		ports[cluster.Name] = portOf(cluster.URL())
	}
	raw, err := json.MarshalIndent(ports, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(w.portsFile(), append(raw, '\n'), 0o600); err != nil {
		return err
	}
	return os.WriteFile(w.EnvFile(), []byte(w.env()), 0o600)
}

// EnvFile is a file to source: where everything is, the token included.
func (w *World) EnvFile() string { return filepath.Join(w.Dir, "env") }

func (w *World) env() string {
	var out strings.Builder
	set := func(name, value string) { fmt.Fprintf(&out, "export HEDGESYNC_SANDBOX_%s='%s'\n", name, value) }
	set("DIR", w.Dir)
	set("GIT", w.CloneURL())
	set("GIT_PUSH", w.PushURL())
	for _, cluster := range w.Clusters {
		set(strings.ToUpper(cluster.Name)+"_KUBECONFIG", cluster.Kubeconfig)
	}
	return out.String()
}

func portOf(address string) int {
	u, err := url.Parse(address)
	if err != nil {
		return 0
	}
	port, _ := strconv.Atoi(u.Port())
	return port
}
