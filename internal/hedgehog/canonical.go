package hedgehog

import (
	"strings"

	"github.com/hedgesync/hedgesync/internal/fabric"
)

// DefaultNamespace is the only namespace the webhooks accept.
const DefaultNamespace = "default"

// fabricLabel marks the labels that the webhooks compute: a key containing it is
// removed from whatever is sent.
const fabricLabel = "fabric.githedgehog.com/"

// serverFields are the metadata fields that only the API server writes.
var serverFields = map[string]bool{
	"creationTimestamp": true, "managedFields": true, "resourceVersion": true, "uid": true, "generation": true,
	"selfLink": true, "deletionTimestamp": true, "deletionGracePeriodSeconds": true,
}

// lastApplied is the record of a client-side apply: about a write, not wanted state.
const lastApplied = "kubectl.kubernetes.io/last-applied-configuration"

// Canonical returns the object to send for a wanted one: what Git says, spelled as
// the webhooks store it, so that sending it again changes nothing. It fills the
// namespace, drops what only the server writes, turns null entries of user-named
// maps into {} (the server would lose them) and drops other nulls and empty stubs.
// It adds no default, except the two stubs an ExternalAttachment's schema
// requires. Canonical of a canonical object is equal to it. It returns nil for nil.
func Canonical(obj map[string]any) map[string]any {
	if obj == nil {
		return nil
	}
	kind := kindOf(obj)
	out := make(tree, len(obj)+1)
	for key, v := range obj {
		switch {
		case key == "status":
		case key == "metadata":
			out[key] = canonicalMetadata(kind, v)
		case key == "spec" && v == nil:
			out[key] = tree{}
		case key == "spec":
			out[key] = copyValue(v, shapes[kind])
		case v != nil:
			out[key] = copyValue(v, nil)
		}
	}
	if _, ok := out["metadata"]; !ok {
		out["metadata"] = canonicalMetadata(kind, nil)
	}
	if spec, ok := out["spec"].(tree); ok && spellings[kind] != nil {
		spellings[kind](spec)
	}
	return out
}

// copyValue copies a value deeply. A null map entry becomes {} where s says that
// entries are objects, and is left out elsewhere, as the server does.
func copyValue(v any, s *shape) any {
	switch v := v.(type) {
	case tree:
		out := make(tree, len(v))
		for key, e := range v {
			switch below := s.at(key); {
			case e != nil:
				out[key] = copyValue(e, below)
			case below != nil && below.object:
				out[key] = tree{}
			}
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = copyValue(e, s.at("*"))
		}
		return out
	}
	return v
}

func canonicalMetadata(kind fabric.Kind, v any) any {
	if v == nil {
		return tree{"namespace": DefaultNamespace}
	}
	meta, ok := v.(tree)
	if !ok {
		return v
	}
	out := make(tree, len(meta)+1)
	for key, v := range meta {
		switch {
		case v == nil || serverFields[key]:
		case key == "labels":
			keepTexts(out, key, v, func(label string) bool { return !recomputesLabels(kind) || !strings.Contains(label, fabricLabel) })
		case key == "annotations":
			keepTexts(out, key, v, func(annotation string) bool { return annotation != lastApplied })
		default:
			out[key] = copyValue(v, nil)
		}
	}
	if out["namespace"] == nil || out["namespace"] == "" {
		out["namespace"] = DefaultNamespace
	}
	return out
}

// keepTexts copies the entries that keep accepts to out[key]; none leave no entry.
// A null is "", as the server's decoder has it.
func keepTexts(out tree, key string, v any, keep func(string) bool) {
	texts, ok := v.(tree)
	if !ok {
		out[key] = copyValue(v, nil)
		return
	}
	kept := make(tree, len(texts))
	for name, v := range texts {
		switch {
		case !keep(name):
		case v == nil:
			kept[name] = ""
		default:
			kept[name] = copyValue(v, nil)
		}
	}
	if len(kept) > 0 {
		out[key] = kept
	}
}

// recomputesLabels reports whether the kind's webhook removes and recomputes the
// fabric labels. SwitchGroup has no webhook, and the gateway's leave them alone.
func recomputesLabels(kind fabric.Kind) bool {
	return (kind.Group == wiringGroup || kind.Group == vpcGroup) && kind != SwitchGroup
}
