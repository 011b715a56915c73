package kube

import (
	"net"
	"net/url"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/hedgesync/hedgesync/internal/fabric"
	"github.com/hedgesync/hedgesync/internal/fault"
)

// configOf turns a kubeconfig's content into a client configuration, refusing
// whatever would run a program, read a file or trust anybody by accident.
//
// Parser errors are not passed on: they may quote the line they stumble over,
// which may be a credential.
func configOf(c fabric.Cluster, o Options) (*rest.Config, error) {
	if c.Kubeconfig.IsZero() {
		return nil, refuse("kube.kubeconfig", "there is no kubeconfig").WithHint("give the content of a kubeconfig for this fabric's cluster")
	}
	file, err := clientcmd.Load([]byte(c.Kubeconfig.Reveal()))
	if err != nil {
		return nil, refuse("kube.kubeconfig", "the kubeconfig is not valid YAML of kind Config").
			WithHint("check it with: kubectl config view --kubeconfig FILE")
	}
	cluster, user, err := selected(file, c.Context)
	if err != nil {
		return nil, err
	}
	if err := checkCluster(cluster, o); err != nil {
		return nil, err
	}
	if err := checkUser(user, c.AllowExec); err != nil {
		return nil, err
	}
	config, err := clientcmd.NewNonInteractiveClientConfig(*file, c.Context, &clientcmd.ConfigOverrides{}, nil).ClientConfig()
	if err != nil {
		return nil, refuse("kube.kubeconfig", "the kubeconfig's cluster or user is not usable").
			WithHint("check it with: kubectl --kubeconfig FILE version")
	}
	return config, nil
}

// selected returns the cluster and user of a context.
func selected(file *clientapi.Config, name string) (*clientapi.Cluster, *clientapi.AuthInfo, error) {
	if name == "" {
		name = file.CurrentContext
	}
	if name == "" {
		return nil, nil, refuse("kube.context", "the kubeconfig has no current-context").WithHint("name the context to use")
	}
	context := file.Contexts[name]
	if context == nil {
		return nil, nil, fault.New(fault.Missing, "kube.context", "the kubeconfig has no context %q", name)
	}
	cluster := file.Clusters[context.Cluster]
	if cluster == nil {
		return nil, nil, fault.New(fault.Missing, "kube.context", "the kubeconfig has no cluster %q, which context %q names", context.Cluster, name)
	}
	user := file.AuthInfos[context.AuthInfo]
	if user == nil {
		if context.AuthInfo != "" {
			return nil, nil, fault.New(fault.Missing, "kube.context", "the kubeconfig has no user %q, which context %q names", context.AuthInfo, name)
		}
		user = clientapi.NewAuthInfo()
	}
	return cluster, user, nil
}

func checkCluster(c *clientapi.Cluster, o Options) error {
	if c.CertificateAuthority != "" {
		return fileReference("certificate-authority")
	}
	if c.InsecureSkipTLSVerify && !o.AllowInsecure {
		return fault.New(fault.Denied, "kube.insecure", "the kubeconfig switches off verification of the server's certificate").
			WithHint("put the cluster's CA into certificate-authority-data instead of insecure-skip-tls-verify")
	}
	u, err := url.Parse(c.Server)
	if err != nil || u.Host == "" || u.User != nil {
		return refuse("kube.server", "the kubeconfig's server address is not a plain URL").WithHint("use https://host:port")
	}
	switch {
	case u.Scheme == "https":
	case u.Scheme == "http" && loopback(u.Hostname()):
	default:
		return refuse("kube.server", "server %s: only https is accepted (http on loopback only)", u.Redacted()).WithHint("use https://host:port")
	}
	return nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func checkUser(u *clientapi.AuthInfo, allowExec bool) error {
	files := []struct{ name, value string }{
		{"client-certificate", u.ClientCertificate}, {"client-key", u.ClientKey}, {"tokenFile", u.TokenFile},
	}
	for _, f := range files {
		if f.value != "" {
			return fileReference(f.name)
		}
	}
	if u.AuthProvider != nil {
		return refuse("kube.auth-provider", "the kubeconfig uses an auth-provider, which Kubernetes no longer supports").
			WithHint("use a service account token or a client certificate")
	}
	if u.Exec != nil && !allowExec {
		return fault.New(fault.Denied, "kube.exec", "the kubeconfig runs a program to get its credential").
			WithHint("use a service account token, or allow exec plugins for this fabric if you trust the program on this machine")
	}
	return nil
}

func fileReference(field string) error {
	return refuse("kube.file-reference", "the kubeconfig refers to a file in %s", field).
		WithHint("embed the files: kubectl config view --raw --flatten --minify")
}

func refuse(code, format string, args ...any) *fault.Error {
	return fault.New(fault.Invalid, code, format, args...)
}
