package kubetest

import (
	"fmt"
	"testing"

	rbac "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd"
	clientapi "k8s.io/client-go/tools/clientcmd/api"
)

// The users every server knows.
const (
	Admin  = "admin"  // may do everything
	Nobody = "nobody" // authenticates, and may do nothing
)

// TokenPrefix begins every token, so that a test can look for leaked ones.
const TokenPrefix = "kubetest-secret-"

const spares = 40

// spareUsers are in the token file from the start: it is read only once.
func spareUsers() []string {
	users := make([]string, spares)
	for i := range users {
		users[i] = fmt.Sprintf("user-%02d", i+1)
	}
	return users
}

// KubeconfigFor returns a kubeconfig that authenticates as user by token. An
// unknown user gets a token that the server refuses.
func (s *Server) KubeconfigFor(user string) []byte {
	token, ok := s.tokens[user]
	if !ok {
		token = TokenPrefix + "refused"
	}
	return s.kubeconfig(user, &clientapi.AuthInfo{Token: token})
}

// CertificateKubeconfig returns a kubeconfig that authenticates as an
// administrator by client certificate.
func (s *Server) CertificateKubeconfig(tb testing.TB) []byte {
	tb.Helper()
	p, err := s.ca.client("cert-admin", "system:masters")
	if err != nil {
		tb.Fatal(err)
	}
	return s.kubeconfig("cert-admin", &clientapi.AuthInfo{ClientCertificateData: p.cert, ClientKeyData: p.key})
}

func (s *Server) kubeconfig(user string, auth *clientapi.AuthInfo) []byte {
	c := clientapi.NewConfig()
	c.Clusters["kubetest"] = &clientapi.Cluster{Server: s.Address, CertificateAuthorityData: s.ca.pem}
	c.AuthInfos[user] = auth
	c.Contexts["kubetest"] = &clientapi.Context{Cluster: "kubetest", AuthInfo: user}
	c.CurrentContext = "kubetest"
	b, err := clientcmd.Write(*c)
	if err != nil {
		panic(err) // a config of plain strings always encodes
	}
	return b
}

// User returns the kubeconfig of a new user with exactly these rights in all
// namespaces, once the server grants them.
func (s *Server) User(tb testing.TB, rules ...rbac.PolicyRule) []byte {
	tb.Helper()
	return s.KubeconfigFor(s.UserIn(tb, "", rules...))
}

// UserIn makes a new user with exactly these rights in one namespace ("" is all)
// and returns its name, once the server grants them.
func (s *Server) UserIn(tb testing.TB, namespace string, rules ...rbac.PolicyRule) string {
	tb.Helper()
	n := s.users.Add(1)
	if n > spares {
		tb.Fatalf("only %d users per server", spares)
	}
	name := fmt.Sprintf("user-%02d", n)
	meta := metav1.ObjectMeta{Name: "kubetest-" + name}
	s.create(tb, "ClusterRole", "clusterroles", "", &rbac.ClusterRole{ObjectMeta: meta, Rules: rules})
	role := rbac.RoleRef{APIGroup: rbac.GroupName, Kind: "ClusterRole", Name: meta.Name}
	subjects := []rbac.Subject{{Kind: rbac.UserKind, APIGroup: rbac.GroupName, Name: name}}
	if namespace == "" {
		s.create(tb, "ClusterRoleBinding", "clusterrolebindings", "", &rbac.ClusterRoleBinding{ObjectMeta: meta, RoleRef: role, Subjects: subjects})
	} else {
		s.create(tb, "RoleBinding", "rolebindings", namespace, &rbac.RoleBinding{ObjectMeta: meta, RoleRef: role, Subjects: subjects})
	}
	s.awaitRights(tb, s.KubeconfigFor(name), namespace, rules)
	return name
}
