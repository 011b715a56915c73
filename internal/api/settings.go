package api

import (
	"maps"
	"slices"
	"strings"

	"github.com/hedgesync/hedgesync/internal/fabric"
)

// settings turns a request into words; open fields are left for the defaults.
func (n NewFabric) settings() fabric.Settings {
	s := fabric.Settings{
		ID:         fabric.ID(n.ID),
		Repository: fabric.Repository{URL: n.Repository.URL, Branch: n.Repository.Branch, Path: n.Repository.Path},
		Cluster: fabric.Cluster{
			Kubeconfig: fabric.NewSecret(n.Kubeconfig), Context: n.Cluster.Context,
			Namespaces: n.Cluster.Namespaces, AllowExec: n.Cluster.AllowExec,
		},
	}
	if n.Credential != nil {
		s.Repository.Credential = n.Credential.words()
	}
	if p := n.Policy; p != nil {
		s.Mode, s.OnFailure, s.Strategy = fabric.Mode(p.Mode), fabric.OnFailure(p.OnFailure), fabric.Strategy(p.Strategy)
		s.Adopt, s.Prune, s.Kinds = p.Adopt, p.Prune, ParseKinds(p.Kinds)
		s.MaxDeletes, s.MaxDeletePercent, s.BatchSize = p.MaxDeletes, p.MaxDeletePercent, p.BatchSize
	}
	return s
}

func (c Credential) words() fabric.Credential {
	return fabric.Credential{
		Username: c.Username, Password: fabric.NewSecret(c.Password), SSHKey: fabric.NewSecret(c.SSHKey),
		SSHKeyPass: fabric.NewSecret(c.SSHKeyPass), KnownHosts: c.KnownHosts, CA: c.CA,
	}
}

// apply changes what the request names.
func (e EditFabric) apply(s *fabric.Settings) {
	set(&s.Repository.URL, e.URL)
	set(&s.Repository.Branch, e.Branch)
	set(&s.Repository.Path, e.Path)
	set(&s.Cluster.Context, e.Context)
	set(&s.Cluster.AllowExec, e.AllowExec)
	set((*string)(&s.Mode), e.Mode)
	set((*string)(&s.OnFailure), e.OnFailure)
	set((*string)(&s.Strategy), e.Strategy)
	set(&s.Adopt, e.Adopt)
	set(&s.Prune, e.Prune)
	set(&s.MaxDeletes, e.MaxDeletes)
	set(&s.MaxDeletePercent, e.MaxDeletePercent)
	set(&s.BatchSize, e.BatchSize)
	if e.Namespaces != nil {
		s.Cluster.Namespaces = e.Namespaces
	}
	if e.Kinds != nil {
		s.Kinds = ParseKinds(e.Kinds)
	}
	if e.Credential != nil {
		e.Credential.apply(&s.Repository.Credential)
	}
	if e.Kubeconfig != nil {
		s.Cluster.Kubeconfig = fabric.NewSecret(*e.Kubeconfig)
	}
}

func (e EditCredential) apply(c *fabric.Credential) {
	set(&c.Username, e.Username)
	set(&c.KnownHosts, e.KnownHosts)
	set(&c.CA, e.CA)
	setSecret(&c.Password, e.Password)
	setSecret(&c.SSHKey, e.SSHKey)
	setSecret(&c.SSHKeyPass, e.SSHKeyPass)
}

func setSecret(v *fabric.Secret, to string) {
	if to != "" {
		*v = fabric.NewSecret(to)
	}
}

func set[T any](v *T, to *T) {
	if to != nil {
		*v = *to
	}
}

// ParseKinds reads "Switch.wiring.githedgehog.com". Whether the kind exists is
// for the application to say.
func ParseKinds(names []string) []fabric.Kind {
	kinds := make([]fabric.Kind, len(names))
	for i, n := range names {
		kinds[i].Name, kinds[i].Group, _ = strings.Cut(n, ".")
	}
	return kinds
}

func sortedKinds[V any](m map[fabric.Kind]V) []fabric.Kind {
	return slices.SortedFunc(maps.Keys(m), fabric.Kind.Compare)
}
