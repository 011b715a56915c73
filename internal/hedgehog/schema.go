package hedgehog

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"sync"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	structural "k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	openapi "k8s.io/kube-openapi/pkg/validation/errors"
	"k8s.io/kube-openapi/pkg/validation/strfmt"
	"k8s.io/kube-openapi/pkg/validation/validate"
	"sigs.k8s.io/yaml"

	"github.com/hedgesync/hedgesync/crds"
	"github.com/hedgesync/hedgesync/internal/fabric"
)

// A schema checks one kind's objects by the engine the API server uses itself.
type schema struct {
	fields *structural.Structural
	values *validate.SchemaValidator
}

// A flaw is one place where an object does not fit its schema.
type flaw struct {
	rule    string
	pointer string
	message string
}

const (
	ruleUnknownField = "schema.unknown-field"
	ruleValue        = "schema.value"
)

// schemas returns the embedded definitions by kind. They are part of the program,
// so one that cannot be read is a defect of it.
var schemas = sync.OnceValue(func() map[fabric.Kind]*schema {
	all, err := readSchemas(crds.FS)
	if err != nil {
		panic(fmt.Sprintf("hedgehog: embedded definitions: %v", err))
	}
	return all
})

// readSchemas returns the schemas of the user kinds among the definitions in fsys.
func readSchemas(fsys fs.FS) (map[fabric.Kind]*schema, error) {
	files, err := fs.Glob(fsys, "*.yaml")
	if err != nil {
		return nil, err
	}
	all := map[fabric.Kind]*schema{}
	for _, file := range files {
		raw, err := fs.ReadFile(fsys, file)
		if err != nil {
			return nil, err
		}
		var crd apiextensionsv1.CustomResourceDefinition
		if err := yaml.Unmarshal(raw, &crd); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		kind := fabric.Kind{Group: crd.Spec.Group, Name: crd.Spec.Names.Kind}
		if info, ok := Lookup(kind); !ok || info.Owner != User {
			continue
		}
		if all[kind], err = newSchema(crd); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
	}
	return all, nil
}

func newSchema(crd apiextensionsv1.CustomResourceDefinition) (*schema, error) {
	if len(crd.Spec.Versions) != 1 || crd.Spec.Versions[0].Schema == nil {
		return nil, errors.New("not exactly one version with a schema")
	}
	var props apiextensions.JSONSchemaProps
	if err := apiextensionsv1.Convert_v1_JSONSchemaProps_To_apiextensions_JSONSchemaProps(crd.Spec.Versions[0].Schema.OpenAPIV3Schema, &props, nil); err != nil {
		return nil, err
	}
	fields, err := structural.NewStructural(&props)
	if err != nil {
		return nil, err
	}
	return &schema{fields, validate.NewSchemaValidator(fields.ToKubeOpenAPI(), nil, "", strfmt.Default)}, nil
}

// check returns where an object of this kind does not fit. Null members count as
// absent, as they do for the server; metadata is not looked at.
func (s *schema) check(kind fabric.Kind, obj tree) []flaw {
	var found []flaw
	clean := tree{"apiVersion": "", "kind": "", "metadata": tree{}}
	for _, key := range keysOf(obj) {
		switch key {
		case "apiVersion", "kind", "metadata":
		default:
			s.sift(clean, obj, key, "", s.fields, &found)
		}
	}
	result := s.values.Validate(clean)
	for _, err := range result.Errors {
		var v *openapi.Validation
		if !errors.As(err, &v) {
			continue
		}
		at := resolve(clean, v.Name)
		if v.Code() == openapi.RequiredFailCode && admissionFills(kind, at) {
			continue
		}
		found = append(found, flaw{ruleValue, at, flawMessage(v, node{clean, ""}.follow(at).value)})
	}
	return found
}

// sift copies the member key of from into to, without nulls and unknown fields,
// and notes the unknown fields.
func (s *schema) sift(to, from tree, key, at string, by *structural.Structural, found *[]flaw) {
	place := pointer(at, key)
	child, known := memberOf(by, key)
	if !known {
		*found = append(*found, flaw{ruleUnknownField, place, fmt.Sprintf("field %q does not exist%s", key, didYouMean(key, by))})
		return
	}
	if from[key] != nil {
		to[key] = s.sifted(from[key], place, child, found)
	}
}

func (s *schema) sifted(v any, at string, by *structural.Structural, found *[]flaw) any {
	if by == nil || by.XPreserveUnknownFields {
		return v
	}
	switch v := v.(type) {
	case tree:
		out := make(tree, len(v))
		for _, key := range keysOf(v) {
			s.sift(out, v, key, at, by, found)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, item := range v {
			out[i] = s.sifted(item, pointer(at, strconv.Itoa(i)), by.Items, found)
		}
		return out
	}
	return v
}

// memberOf returns the schema of a member; nil and true where anything goes.
func memberOf(by *structural.Structural, key string) (*structural.Structural, bool) {
	if p, ok := by.Properties[key]; ok {
		return &p, true
	}
	if by.AdditionalProperties != nil {
		return by.AdditionalProperties.Structural, true
	}
	// A value of the wrong type has no members to name: the type is the flaw.
	return nil, by.XPreserveUnknownFields || by.Type != "object"
}

// didYouMean names the field that was probably meant: one equal but for case, or
// else one that is an edit away.
func didYouMean(key string, by *structural.Structural) string {
	for _, name := range keysOf(by.Properties) {
		if similar(name, key) {
			return fmt.Sprintf("; %q does", name)
		}
	}
	return ""
}

// similar reports whether one name is probably a misspelling of the other.
func similar(a, b string) bool { return strings.EqualFold(a, b) || oneEditApart(a, b) }

// oneEditApart reports whether inserting, removing or replacing one byte, or
// swapping two neighbours, leads from a to b.
func oneEditApart(a, b string) bool {
	if len(a) > len(b) {
		a, b = b, a
	}
	if len(b)-len(a) > 1 || len(a) < 3 {
		return false
	}
	i := 0
	for i < len(a) && a[i] == b[i] {
		i++
	}
	switch {
	case len(a) != len(b):
		return a[i:] == b[i+1:]
	case i == len(a):
		return false
	case a[i+1:] == b[i+1:]:
		return true
	}
	return i+1 < len(a) && a[i] == b[i+1] && a[i+1] == b[i] && a[i+2:] == b[i+2:]
}

// admissionFills reports whether the webhooks write a required field themselves
// before the schema is applied, so that leaving it out is right.
func admissionFills(kind fabric.Kind, at string) bool {
	switch kind {
	case VPC:
		return strings.HasSuffix(at, "/dhcp/options/interfaceMTU") || strings.HasSuffix(at, "/dhcp/options/leaseTimeSeconds")
	case ExternalAttachment:
		return at == "/spec/neighbor" || at == "/spec/switch"
	case GatewayPeering:
		return at == "/spec/acl/default"
	}
	return false
}

// flawMessage says what is wrong with a value and what would be right.
func flawMessage(v *openapi.Validation, value any) string {
	switch v.Code() {
	case openapi.RequiredFailCode:
		return fmt.Sprintf("field %q is required", v.Name[strings.LastIndexByte(v.Name, '.')+1:])
	case openapi.EnumFailCode:
		return fmt.Sprintf("%s is not one of %s", quoted(value), strings.Join(quotedAll(v.Values), ", "))
	}
	_, text, found := strings.Cut(v.Error(), " in body ")
	if !found {
		text = v.Error()
	}
	text, _, _ = strings.Cut(text, ": ") // the type found, which the value shows
	return quoted(value) + " " + text
}

// quoted shows a scalar as written and names what is too long to show.
func quoted(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case string:
		return strconv.Quote(v)
	case tree:
		return "an object"
	case []any:
		return fmt.Sprintf("a list of %d", len(v))
	}
	return fmt.Sprint(v)
}

func quotedAll(vs []any) []string {
	var out []string
	for _, v := range vs {
		if v != "" {
			out = append(out, quoted(v))
		}
	}
	return out
}

// resolve turns the engine's dotted path into a JSON pointer. Names may contain
// dots and slashes ("spec.portSpeeds.E1/5"), so the tree tells where they end; what
// is not in the tree is taken as written.
func resolve(obj any, path string) string {
	if at, ok := resolveIn(obj, strings.TrimPrefix(path, "."), ""); ok {
		return at
	}
	return pointer("", strings.Split(strings.TrimPrefix(path, "."), ".")...)
}

func resolveIn(v any, rest, at string) (string, bool) {
	if rest == "" {
		return at, true
	}
	switch v := v.(type) {
	case tree:
		return resolveMember(v, strings.TrimPrefix(rest, "."), at)
	case []any:
		index, after, ok := strings.Cut(strings.TrimPrefix(rest, "["), "]")
		i, err := strconv.Atoi(index)
		if !ok || err != nil || i < 0 || i >= len(v) {
			return "", false
		}
		return resolveIn(v[i], after, pointer(at, index))
	}
	return "", false
}

func resolveMember(v tree, rest, at string) (string, bool) {
	for _, key := range slices.Backward(keysOf(v)) { // longer names first among those with one beginning
		after, ok := strings.CutPrefix(rest, key)
		if !ok || (after != "" && after[0] != '.' && after[0] != '[') {
			continue
		}
		if found, ok := resolveIn(v[key], after, pointer(at, key)); ok {
			return found, true
		}
	}
	if strings.ContainsAny(rest, ".[") {
		return "", false
	}
	return pointer(at, rest), true // an absent member
}
