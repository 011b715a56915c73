package kubeapi

import (
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// tokenIn returns the token kept in dir, making one the first time.
func tokenIn(dir string) (string, error) {
	if dir == "" {
		return rand.Text(), nil
	}
	file := filepath.Join(dir, "token")
	kept, err := os.ReadFile(file)
	if err == nil {
		return strings.TrimSpace(string(kept)), nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	token := rand.Text()
	return token, os.WriteFile(file, []byte(token+"\n"), 0o600)
}

// WriteKubeconfig writes a file by which kubectl reaches the server; name is
// that of its cluster, user and context.
func (s *Server) WriteKubeconfig(file, name string) error {
	config := clientcmdapi.NewConfig()
	config.Clusters[name] = &clientcmdapi.Cluster{Server: s.client.Host, CertificateAuthorityData: s.client.CAData}
	config.AuthInfos[name] = &clientcmdapi.AuthInfo{Token: s.client.BearerToken}
	config.Contexts[name] = &clientcmdapi.Context{Cluster: name, AuthInfo: name, Namespace: "default"}
	config.CurrentContext = name
	return clientcmd.WriteToFile(*config, file)
}
