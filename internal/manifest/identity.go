package manifest

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/hedgesync/hedgesync/internal/fabric"
)

// defaultNamespace is where an object without a namespace goes.
const defaultNamespace = "default"

// identity is what an object tree says it is.
type identity struct {
	key     fabric.Key
	version string
}

// kindOf reads the kind of an object tree; flaws are relative to it.
func kindOf(object map[string]any) (identity, []flaw) {
	var id identity
	apiVersion, flaws := requiredText(object, "/apiVersion", "apiVersion", nil)
	id.key.Kind.Name, flaws = requiredText(object, "/kind", "kind", flaws)
	group, version, found := strings.Cut(apiVersion, "/")
	if !found {
		group, version = "", apiVersion
	}
	if strings.Contains(version, "/") || found && (group == "" || version == "") {
		flaws = append(flaws, flaw{pointer: "/apiVersion", rule: "object.api-version",
			message: fmt.Sprintf("apiVersion %q is not of the form group/version", apiVersion)})
	}
	id.key.Kind.Group, id.version = group, version
	return id, flaws
}

// nameOf completes an identity with namespace and name.
func (id *identity) nameOf(object map[string]any) []flaw {
	metadata, isMap := object["metadata"].(map[string]any)
	if !isMap {
		return []flaw{{pointer: "/metadata", rule: "object.metadata", message: fmt.Sprintf("%s has no metadata mapping", id.key.Kind.Name),
			hint: "every object needs metadata.name"}}
	}
	name, flaws := requiredText(metadata, "/metadata/name", "name", nil)
	if _, generated := metadata["generateName"]; generated && name == "" {
		flaws = []flaw{{pointer: "/metadata/generateName", rule: "object.generate-name",
			message: "generateName makes another object at every apply", hint: "give it metadata.name"}}
	}
	if wrong := validation.IsDNS1123Subdomain(name); name != "" && len(wrong) > 0 {
		flaws = append(flaws, flaw{pointer: "/metadata/name", rule: "object.name", message: fmt.Sprintf("name %q: %s", name, wrong[0])})
	}
	namespace := defaultNamespace
	if metadata["namespace"] != nil && metadata["namespace"] != "" {
		var wrong []flaw
		namespace, wrong = requiredText(metadata, "/metadata/namespace", "namespace", nil)
		flaws = append(flaws, wrong...)
		if wrong := validation.IsDNS1123Label(namespace); namespace != "" && len(wrong) > 0 {
			flaws = append(flaws, flaw{pointer: "/metadata/namespace", rule: "object.namespace", message: fmt.Sprintf("namespace %q: %s", namespace, wrong[0])})
		}
	}
	id.key.Namespace, id.key.Name = namespace, name
	return flaws
}

// requiredText returns the text at key, and appends what is wrong with it.
func requiredText(m map[string]any, pointer, key string, flaws []flaw) (string, []flaw) {
	value, there := m[key]
	text, isText := value.(string)
	switch {
	case !there || value == nil || isText && text == "":
		return "", append(flaws, flaw{pointer: pointer, rule: "object." + ruleName(key), message: fmt.Sprintf("%s is missing", pointerWords(pointer))})
	case !isText:
		return "", append(flaws, flaw{pointer: pointer, rule: "object." + ruleName(key),
			message: fmt.Sprintf("%s is %s, not text", pointerWords(pointer), describe(value)), hint: "quote it"})
	}
	return text, flaws
}

// ruleName spells a field name as rules do.
func ruleName(key string) string {
	if key == "apiVersion" {
		return "api-version"
	}
	return key
}

// pointerWords turns "/metadata/name" into "metadata.name".
func pointerWords(pointer string) string {
	return strings.ReplaceAll(strings.TrimPrefix(pointer, "/"), "/", ".")
}

// textMaps checks that labels and annotations are what the API stores: text to text.
func textMaps(object map[string]any) []flaw {
	metadata, _ := object["metadata"].(map[string]any)
	var flaws []flaw
	for _, field := range []string{"labels", "annotations"} {
		at := join("/metadata", field)
		entries, isMap := metadata[field].(map[string]any)
		if metadata[field] != nil && !isMap {
			flaws = append(flaws, flaw{pointer: at, rule: "object." + field, message: fmt.Sprintf("%s is %s, not a mapping", field, describe(metadata[field]))})
		}
		for _, key := range slices.Sorted(maps.Keys(entries)) {
			value := entries[key]
			if _, isText := value.(string); !isText && len(flaws) < maxFlaws {
				flaws = append(flaws, flaw{pointer: join(at, key), rule: "object." + field,
					message: fmt.Sprintf("%s in %s is %s, not text", key, field, describe(value)), hint: "quote the value"})
			}
		}
	}
	return flaws
}

// describe names a decoded value for a person.
func describe(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case bool:
		return fmt.Sprintf("the boolean %v", v)
	case map[string]any:
		return "a mapping"
	case []any:
		return "a list"
	case string:
		return "text"
	}
	return fmt.Sprintf("the number %v", v)
}

// items returns the objects of a list object. Items of a typed list may leave out
// what the list's own kind says.
func items(object map[string]any) (list []any, ok bool) {
	kind, _ := object["kind"].(string)
	base, isList := strings.CutSuffix(kind, "List")
	value, there := object["items"]
	list, isArray := value.([]any)
	if !isList || base != "" && !there || !isArray && value != nil {
		return nil, false
	}
	if base == "" {
		return list, true
	}
	named := make([]any, len(list))
	for i, item := range list {
		named[i] = withKind(item, object["apiVersion"], base)
	}
	return named, true
}

func withKind(item, apiVersion any, kind string) any {
	object, isMap := item.(map[string]any)
	if !isMap || object["kind"] != nil || object["apiVersion"] != nil {
		return item
	}
	named := map[string]any{"apiVersion": apiVersion, "kind": kind}
	for k, v := range object {
		if k != "apiVersion" && k != "kind" {
			named[k] = v
		}
	}
	return named
}
