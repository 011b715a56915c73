package kube

import (
	"strings"
	"time"

	utiljson "k8s.io/apimachinery/pkg/util/json"
)

// Attribution returns the field manager that owns the value at a JSON pointer of
// a live object, or something below it, and when that manager last changed any
// of its fields. Of several it is the one that wrote last. Zero values mean that
// nobody owns it: it was removed, or an admission webhook set it.
func Attribution(live map[string]any, pointer string) (manager string, last time.Time) {
	owned, _ := at(live, "/metadata/managedFields")
	entries, _ := owned.([]any)
	path := strings.Split(strings.TrimPrefix(pointer, "/"), "/")
	for _, e := range entries {
		entry, _ := e.(map[string]any)
		fields, _ := entry["fieldsV1"].(map[string]any)
		text, _ := entry["time"].(string)
		when, err := time.Parse(time.RFC3339, text)
		if err != nil || when.Before(last) || !owns(fields, live, path) {
			continue
		}
		name, _ := entry["manager"].(string)
		manager, last = name, when
	}
	return manager, last
}

// owns walks a field set and the value it describes down a path. A set ends in an
// empty leaf where the value is owned whole.
func owns(fields map[string]any, value any, path []string) bool {
	for _, segment := range path {
		segment = unescape.Replace(segment)
		next, below, ok := step(fields, value, segment)
		if !ok {
			return false
		}
		if len(next) == 0 {
			return true
		}
		fields, value = next, below
	}
	return len(fields) > 0
}

// step goes one segment down: into a map's field, or a list's element, which a
// field set names by its key, its value or its place.
func step(fields map[string]any, value any, segment string) (next map[string]any, below any, ok bool) {
	switch v := value.(type) {
	case map[string]any:
		below = v[segment]
		next, ok = fields["f:"+segment].(map[string]any)
	case []any:
		element, there := at(v, "/"+segment)
		if !there {
			return nil, nil, false
		}
		below = element
		next, ok = elementOf(fields, element, segment)
	}
	return next, below, ok
}

func elementOf(fields map[string]any, element any, index string) (map[string]any, bool) {
	for name, f := range fields {
		next, isSet := f.(map[string]any)
		if isSet && names(name, element, index) {
			return next, true
		}
	}
	return nil, false
}

// names reports whether a name of a field set, such as k:{"id":"a"}, v:"a" or
// i:0, means this element of a list.
func names(name string, element any, index string) bool {
	form, text, _ := strings.Cut(name, ":")
	var meant any
	if form == "i" {
		return text == index
	}
	if utiljson.Unmarshal([]byte(text), &meant) != nil {
		return false
	}
	switch form {
	case "v":
		return same(meant, element)
	case "k":
		key, _ := meant.(map[string]any)
		object, _ := element.(map[string]any)
		return key != nil && object != nil && within(key, object)
	}
	return false
}
