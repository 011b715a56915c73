// Package crds holds this project's own definitions of the kinds a Hedgehog
// fabric's Kubernetes API serves, so that a sandbox or a test can serve them too.
//
// The fifteen kinds people write and SwitchProfile have every field of the real
// definitions, with the same types, limits and enumerations. Of the kinds that
// controllers write, Agent and GatewayAgent keep what lies deep inside them
// without looking at it.
package crds

import "embed"

// FS has one YAML file per kind, each a CustomResourceDefinition of
// apiextensions.k8s.io/v1, named <first label of the group>_<plural>.yaml.
//
//go:embed *.yaml
var FS embed.FS
