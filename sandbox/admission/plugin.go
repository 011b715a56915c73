package admission

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apiserver/pkg/admission"
	webhookerrors "k8s.io/apiserver/pkg/admission/plugin/webhook/errors"
)

// Plugin is admission inside an API server. Until it is told what exists it
// answers as a server does whose webhooks are down.
type Plugin struct{ objects atomic.Pointer[Objects] }

var (
	_ admission.MutationInterface   = (*Plugin)(nil)
	_ admission.ValidationInterface = (*Plugin)(nil)
)

// Use tells the plugin what exists.
func (p *Plugin) Use(all Objects) { p.objects.Store(&all) }

// Handles is part of admission.Interface.
func (p *Plugin) Handles(op admission.Operation) bool { return op != admission.Connect }

// Admit fills in defaults.
func (p *Plugin) Admit(_ context.Context, a admission.Attributes, _ admission.ObjectInterfaces) error {
	if !concerns(a) || a.GetOperation() == admission.Delete {
		return nil
	}
	obj, ok := a.GetObject().(*unstructured.Unstructured)
	if !ok {
		return apierrors.NewInternalError(errors.New("admission of an object that is not a custom resource"))
	}
	Default(obj)
	return nil
}

// Validate refuses what the fabric would refuse.
func (p *Plugin) Validate(_ context.Context, a admission.Attributes, _ admission.ObjectInterfaces) error {
	if !concerns(a) {
		return nil
	}
	kind := a.GetKind().Kind
	all := p.objects.Load()
	if all == nil {
		return apierrors.NewInternalError(fmt.Errorf("failed calling webhook %q: the fabric controller is not ready", Webhook(kind)))
	}
	err := Check(Request{
		Operation: Operation(a.GetOperation()),
		Kind:      kind,
		Namespace: a.GetNamespace(),
		Object:    custom(a.GetObject()),
		Old:       custom(a.GetOldObject()),
	}, *all)
	if err == nil {
		return nil
	}
	return webhookerrors.ToStatusErr(Webhook(kind), denial(err))
}

// denial is the answer of the real webhooks to what they refuse.
func denial(err error) *metav1.Status {
	return &metav1.Status{Status: metav1.StatusFailure, Code: http.StatusForbidden, Reason: metav1.StatusReasonForbidden, Message: err.Error()}
}

func concerns(a admission.Attributes) bool {
	kind := a.GetKind()
	return a.GetSubresource() == "" && strings.HasSuffix(kind.Group, ".githedgehog.com") && slices.Contains(Kinds, kind.Kind)
}

func custom(obj runtime.Object) *unstructured.Unstructured {
	u, _ := obj.(*unstructured.Unstructured)
	return u
}
