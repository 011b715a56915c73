package kube

import (
	"context"

	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/listtype"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/objectmeta"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	metavalidation "k8s.io/apimachinery/pkg/api/validation"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/validation/field"
	celconfig "k8s.io/apiserver/pkg/apis/cel"

	"github.com/hedgesync/hedgesync/internal/fabric"
)

// validate makes the checks that the server makes before it stores a custom
// resource: metadata, schema, lists without repeats, and the definition's rules.
func (m *model) validate(next *unstructured.Unstructured, have *fabric.Resource) error {
	var errs field.ErrorList
	path := field.NewPath("metadata")
	var old map[string]any
	if have == nil {
		errs = metavalidation.ValidateObjectMetaAccessor(next, next.GetNamespace() != "", metavalidation.NameIsDNSSubdomain, path)
		errs = append(errs, validation.ValidateCustomResource(nil, next.Object, m.validator)...)
	} else {
		old = have.Object
		errs = metavalidation.ValidateObjectMetaAccessorUpdate(next, &unstructured.Unstructured{Object: old}, path)
		errs = append(errs, validation.ValidateCustomResourceUpdate(nil, next.Object, old, m.validator)...)
	}
	ctx := context.Background() // nothing here waits
	errs = append(errs, objectmeta.Validate(ctx, nil, next.Object, m.shape, false)...)
	errs = append(errs, listtype.ValidateListSetsAndMaps(nil, m.shape, next.Object)...)
	if len(errs) == 0 && m.rules != nil {
		var before any
		if old != nil {
			before = old
		}
		broken, _ := m.rules.Validate(ctx, nil, m.shape, next.Object, before, celconfig.RuntimeCELCostBudget)
		errs = append(errs, broken...)
	}
	return errs.ToAggregate()
}
