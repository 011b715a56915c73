// Package admission rewrites and refuses objects as a fabric's own controller
// does: it fills in defaults and labels, and denies what refers to nothing, takes
// what is taken, or is deleted while in use.
//
// It leaves open what the real controller leaves open: a VLANNamespace with a
// backward range is emptied, a Connection of two types keeps both, groups and
// gateways can be deleted while used, a VPC subnet can go while it is attached,
// and two writers at once can take the same port, because what exists is read
// from a copy that trails the server.
package admission

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Operation is what is done to an object.
type Operation string

// The operations.
const (
	Create Operation = "CREATE"
	Update Operation = "UPDATE"
	Delete Operation = "DELETE"
)

// Objects is what exists. Get returns nil for what does not; List is sorted.
type Objects interface {
	Get(kind, name string) *unstructured.Unstructured
	List(kind string) []*unstructured.Unstructured
}

// Kinds are those that Default and Check look at, in the order of their names.
var Kinds = []string{
	"Connection", "External", "ExternalAttachment", "ExternalPeering", "Gateway", "GatewayPeering", "IPv4Namespace",
	"Server", "Switch", "SwitchProfile", "VLANNamespace", "VPC", "VPCAttachment", "VPCPeering",
}

// Reads are the kinds that Check needs to see.
var Reads = append([]string{"GatewayGroup", "SwitchGroup", "VPCInfo"}, Kinds...)

// Request is one write. Object is nil for a delete, Old is nil for a create.
type Request struct {
	Operation Operation
	Kind      string
	Namespace string
	Object    *unstructured.Unstructured
	Old       *unstructured.Unstructured
}

// Webhook returns the name a refusal of this kind goes by.
func Webhook(kind string) string { return "v" + strings.ToLower(kind) + ".kb.io" }

type checker func(r Request, all Objects) error

// Check returns why a request is refused, or nil. Object has been through Default.
func Check(r Request, all Objects) error {
	if r.Namespace != "default" {
		return fmt.Errorf("namespace must be default, not %q", r.Namespace)
	}
	if r.Operation == Delete {
		return checkUnused(r, all)
	}
	if r.Object.GetDeletionTimestamp() != nil {
		return nil // on its way out; only finalizers change
	}
	checks := map[string]checker{
		"Connection":         checkConnection,
		"External":           checkExternal,
		"ExternalAttachment": checkExternalAttachment,
		"ExternalPeering":    checkExternalPeering,
		"Gateway":            checkGateway,
		"GatewayPeering":     checkGatewayPeering,
		"IPv4Namespace":      checkIPv4Namespace,
		"Switch":             checkSwitch,
		"SwitchProfile":      checkSwitchProfile,
		"VLANNamespace":      checkVLANNamespace,
		"VPC":                checkVPC,
		"VPCAttachment":      checkVPCAttachment,
		"VPCPeering":         checkVPCPeering,
	}
	if check := checks[r.Kind]; check != nil {
		return check(r, all)
	}
	return nil
}
