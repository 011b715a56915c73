package app_test

import (
	"fmt"
	"slices"
	"strings"
)

const schemaRoot = "#/components/schemas/"

// schema is as much of JSON Schema as the description uses.
type schema struct {
	Ref        string            `json:"$ref"`
	Type       any               `json:"type"` // a name, or a list of names
	Properties map[string]schema `json:"properties"`
	Required   []string          `json:"required"`
	Items      *schema           `json:"items"`
	Additional any               `json:"additionalProperties"`
	Enum       []any             `json:"enum"`
}

// misfits says where a value does not fit.
func (d document) misfits(s schema, v any, at string) []string {
	if s.Ref != "" {
		return d.misfits(d.Components.Schemas[strings.TrimPrefix(s.Ref, schemaRoot)], v, at)
	}
	if !fits(s.Type, v) || len(s.Enum) > 0 && !slices.Contains(s.Enum, v) {
		return []string{fmt.Sprintf("%s is %v, want %v %v", at, v, s.Type, s.Enum)}
	}
	var found []string
	switch v := v.(type) {
	case map[string]any:
		for _, name := range s.Required {
			if _, ok := v[name]; !ok {
				found = append(found, at+"/"+name+" is missing")
			}
		}
		for name, e := range v {
			p, known := s.Properties[name]
			if !known && s.Additional == false {
				found = append(found, at+"/"+name+" is not described")
			}
			found = append(found, d.misfits(p, e, at+"/"+name)...)
		}
	case []any:
		for i, e := range v {
			if s.Items != nil {
				found = append(found, d.misfits(*s.Items, e, fmt.Sprintf("%s/%d", at, i))...)
			}
		}
	}
	return found
}

// fits reports whether a value has one of the types; no type is any.
func fits(types, v any) bool {
	switch types := types.(type) {
	case nil:
		return true
	case []any:
		return slices.ContainsFunc(types, func(t any) bool { return fits(t, v) })
	}
	switch v := v.(type) {
	case nil:
		return types == "null"
	case string:
		return types == "string"
	case bool:
		return types == "boolean"
	case float64:
		return types == "number" || types == "integer" && v == float64(int64(v))
	case []any:
		return types == "array"
	}
	return types == "object"
}
