package app

import (
	"bytes"
	"maps"
	"slices"

	"sigs.k8s.io/yaml"

	"github.com/hedgesync/hedgesync/internal/fabric"
	"github.com/hedgesync/hedgesync/internal/fault"
	"github.com/hedgesync/hedgesync/internal/hedgehog"
)

// Verbs that a mode needs on what it manages. Enforcing deletes even with pruning
// off: a rollback takes back what it created.
var (
	readVerbs  = []string{"get", "list", "watch"}
	writeVerbs = []string{"get", "list", "watch", "create", "patch", "delete"}
)

// Rights are what one fabric's account may do: the least that its mode needs.
type Rights struct {
	Account    string // of the service account, and of the roles
	Home       string // namespace of the service account
	Mode       fabric.Mode
	Namespaces []string      // of the fabric's objects
	Kinds      []fabric.Kind // empty is all of the user's
}

// Manifest returns the rights as Kubernetes objects for kubectl apply: a service
// account with a token, and in each namespace a role and its binding. Discovery
// and the question "who am I" need no rights of their own.
func (r Rights) Manifest() ([]byte, error) {
	if !slices.Contains([]fabric.Mode{fabric.Observe, fabric.Enforce}, r.Mode) {
		return nil, fault.New(fault.Invalid, "fabric.mode", "mode: %q is not one of observe, enforce", r.Mode)
	}
	rules, err := r.rules()
	if err != nil {
		return nil, err
	}
	docs := []any{
		object{"apiVersion": "v1", "kind": "ServiceAccount", "metadata": object{"name": r.Account, "namespace": r.Home}},
		object{
			"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/service-account-token",
			"metadata": object{"name": r.Account, "namespace": r.Home, "annotations": object{"kubernetes.io/service-account.name": r.Account}},
		},
	}
	for _, ns := range r.Namespaces {
		name := object{"name": r.Account, "namespace": ns}
		docs = append(docs,
			object{"apiVersion": rbacVersion, "kind": "Role", "metadata": name, "rules": rules},
			object{
				"apiVersion": rbacVersion, "kind": "RoleBinding", "metadata": name,
				"roleRef":  object{"apiGroup": rbacGroup, "kind": "Role", "name": r.Account},
				"subjects": []any{object{"kind": "ServiceAccount", "name": r.Account, "namespace": r.Home}},
			})
	}
	return documents(docs)
}

type object = map[string]any

const (
	rbacGroup   = "rbac.authorization.k8s.io"
	rbacVersion = rbacGroup + "/v1"
)

// rules returns one rule per API group for what is managed, and one for the switch
// profiles that rules are checked against.
func (r Rights) rules() ([]any, error) {
	verbs := readVerbs
	if r.Mode == fabric.Enforce {
		verbs = writeVerbs
	}
	kinds := r.Kinds
	if len(kinds) == 0 {
		kinds = hedgehog.UserKinds()
	}
	plurals := map[string][]string{}
	for _, k := range kinds {
		info, ok := hedgehog.Lookup(k)
		if !ok {
			return nil, fault.New(fault.Invalid, "fabric.kinds", "kind %s is not one that Git may hold", k).WithHint("use a name such as %s", hedgehog.Switch)
		}
		plurals[k.Group] = append(plurals[k.Group], info.Plural)
	}
	var rules []any
	for _, group := range slices.Sorted(maps.Keys(plurals)) {
		rules = append(rules, rule(group, slices.Sorted(slices.Values(plurals[group])), verbs))
	}
	return append(rules, rule(hedgehog.SwitchProfile.Group, []string{"switchprofiles"}, readVerbs)), nil
}

func rule(group string, plurals, verbs []string) object {
	return object{"apiGroups": []string{group}, "resources": plurals, "verbs": verbs}
}

func documents(docs []any) ([]byte, error) {
	var out bytes.Buffer
	for i, d := range docs {
		if i > 0 {
			out.WriteString("---\n")
		}
		b, err := yaml.Marshal(d)
		if err != nil {
			return nil, fault.New(fault.Bug, "rights.encode", "encode the rights: %w", err)
		}
		out.Write(b)
	}
	return out.Bytes(), nil
}
