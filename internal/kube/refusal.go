package kube

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/hedgesync/hedgesync/internal/fault"
)

// This file is the only one that reads the text of answers. The API gives one
// code to many meanings, and some meanings nothing but a text; where a pattern
// stands here, the answer it was taken from stands in refusal_test.go.

// Codes of the errors that other rooms branch on.
const (
	CodeController  = "kube.controller-down" // the admission webhook cannot be reached
	CodeNotReady    = "kube.not-ready"       // admission misses something that may still come
	CodeThrottled   = "kube.throttled"       // the server asks to slow down
	CodeStarting    = "kube.starting"        // the server answers, and cannot serve yet
	CodeInvalid     = "kube.invalid"         // the schema or a rule of the definition refuses it
	CodeConflict    = "kube.conflict"        // somebody else changed or owns it
	CodeExpired     = "kube.expired"         // the place in a list or watch is gone
	CodeMissing     = "kube.missing"         // no such object
	CodeForbidden   = "kube.forbidden"       // this user lacks the right
	CodeKindMissing = "kube.kind-missing"    // the server does not serve this kind at this version
	CodeUnreached   = "kube.tcp"             // no connection: nothing was sent
	CodeUnseen      = "kube.unseen"          // sent, and no answer that says what became of it
	CodeFinalizer   = "kube.finalizer"       // deleted, and still there because a finalizer holds it
)

const (
	unseenHint = "the object is read before anything is sent again"
	rightsHint = "give this user the rights it needs, or use another credential"
)

// classify turns a failure into an error that says the next move. effect says
// whether the request could have changed something: then an answer that leaves
// open whether it did is Unknown.
func classify(err error, effect bool) error {
	f, ok := errors.AsType[*failure](err)
	if !ok {
		return err
	}
	if f.answer == nil {
		return silence(f, effect)
	}
	return refusal(f, effect)
}

// silence classifies a request that got no whole answer.
func silence(f *failure, effect bool) error {
	if effect && f.sent {
		return fault.New(fault.Unknown, CodeUnseen, "no answer was seen: %w", f).WithHint(unseenHint)
	}
	var verify *tls.CertificateVerificationError
	var name x509.HostnameError
	var unknown x509.UnknownAuthorityError
	var record tls.RecordHeaderError
	var alert tls.AlertError
	var dns *net.DNSError
	switch {
	case errors.Is(f, context.Canceled):
		return fault.New(fault.Unknown, "kube.cancelled", "%w", f)
	case errors.As(f, &verify), errors.As(f, &name), errors.As(f, &unknown):
		return fault.New(fault.Denied, "kube.tls", "the server's certificate is not trusted: %w", f).
			WithHint("compare certificate-authority-data of the kubeconfig and the server's name with the cluster's")
	case errors.As(f, &record), errors.As(f, &alert), strings.Contains(f.err.Error(), "TLS handshake"), strings.Contains(f.err.Error(), "HTTP response to HTTPS client"):
		return fault.New(fault.Unavailable, "kube.tls", "no TLS session with the server: %w", f).
			WithHint("check that the address and port are those of the Kubernetes API")
	case strings.HasPrefix(f.err.Error(), "getting credentials:"):
		return fault.New(fault.Denied, "kube.auth", "the credential program gave no credential").
			WithHint("run the exec command of the kubeconfig by hand as the user hedgesync runs as")
	case errors.Is(f, errTooLarge):
		return fault.New(fault.Unavailable, "kube.too-large", "%w", f)
	case errors.As(f, &dns):
		return fault.New(fault.Unavailable, "kube.dns", "the server's name does not resolve: %w", f).WithHint("check the server's name in the kubeconfig, and DNS on this machine")
	case errors.Is(f, os.ErrDeadlineExceeded), errors.Is(f, context.DeadlineExceeded), isTimeout(f):
		return fault.New(fault.Unavailable, "kube.timeout", "no answer in time: %w", f).WithHint("the server or the way to it is slow or hangs; it is tried again")
	}
	return fault.New(fault.Unavailable, CodeUnreached, "%w", f).WithHint("check that the API server runs and can be reached from this machine")
}

func isTimeout(err error) bool {
	t, ok := errors.AsType[net.Error](err)
	return ok && t.Timeout()
}

// refusal classifies an answer that is not a success.
func refusal(f *failure, effect bool) error {
	text := f.Error()
	switch code := f.answer.code; code {
	case http.StatusBadRequest, http.StatusUnprocessableEntity, http.StatusRequestEntityTooLarge, http.StatusMethodNotAllowed:
		return invalidObject(f, text)
	case http.StatusUnauthorized:
		return fault.New(fault.Denied, "kube.auth", "the server does not accept the credential: %w", f).WithHint("renew the token or certificate in the kubeconfig")
	case http.StatusForbidden:
		return forbidden(f, text)
	case http.StatusNotFound:
		return notFound(f, text)
	case http.StatusConflict:
		return conflict(f)
	case http.StatusGone:
		return fault.New(fault.Unavailable, CodeExpired, "%w", f)
	case http.StatusTooManyRequests:
		return fault.New(fault.Unavailable, CodeThrottled, "%w", f).WithHint("the server is busy; writes slow down by themselves")
	default:
		return serverError(f, text, code, effect)
	}
}

func invalidObject(f *failure, text string) error {
	if strings.Contains(text, "strict decoding error") {
		return fault.New(fault.Invalid, "kube.unknown-field", "%w", f).WithHint("remove or correct the field; check the kind's API version")
	}
	if fromAdmission(text) {
		return fault.New(fault.Invalid, "kube.admission", "%w", f)
	}
	if otherObject(f) {
		return fault.New(fault.Conflict, CodeConflict, "%w", f).WithHint("it is read again and decided anew")
	}
	return fault.New(fault.Invalid, CodeInvalid, "%w", f)
}

// otherObject recognises how an apply that names a uid is refused when the object
// has another: as an attempt to change an immutable field.
func otherObject(f *failure) bool {
	d := f.answer.status.Details
	return d != nil && slices.ContainsFunc(d.Causes, func(c metav1.StatusCause) bool { return c.Field == "metadata.uid" })
}

// forbidden tells a rule of the fabric from a missing right: both are 403.
func forbidden(f *failure, text string) error {
	switch {
	case fromAdmission(text) && mayStillCome(text):
		return fault.New(fault.Unavailable, CodeNotReady, "%w", f).WithHint("something it refers to is not there yet; it is tried again after the rest")
	case fromAdmission(text):
		return fault.New(fault.Invalid, "kube.admission", "%w", f)
	case strings.Contains(text, "because it is being terminated"):
		return fault.New(fault.Unavailable, "kube.terminating", "%w", f).WithHint("wait until the namespace is gone, or use another")
	}
	return fault.New(fault.Denied, CodeForbidden, "%w", f).WithHint(rightsHint)
}

func notFound(f *failure, text string) error {
	d := f.answer.status.Details
	switch {
	case d == nil, d.Name == "", strings.HasPrefix(text, "404 page not found"):
		return fault.New(fault.Missing, CodeKindMissing, "%w", f).WithHint("check the apiVersion, and that the fabric's controllers have installed their definitions")
	case d.Kind == "namespaces":
		return fault.New(fault.Missing, "kube.namespace-missing", "%w", f).WithHint("create the namespace, or correct it in Git")
	}
	return fault.New(fault.Missing, CodeMissing, "%w", f)
}

func conflict(f *failure) error {
	if f.answer.status.Reason == metav1.StatusReasonAlreadyExists {
		return fault.New(fault.Conflict, "kube.exists", "%w", f)
	}
	return fault.New(fault.Conflict, CodeConflict, "%w", f).WithHint("it is read again and decided anew")
}

// serverError classifies 5xx and whatever else nobody expects. A few texts say
// for certain that nothing was stored; otherwise that is open.
func serverError(f *failure, text string, code int, effect bool) error {
	starting := code == http.StatusServiceUnavailable && f.answer.status.Kind == "Status"
	switch {
	case strings.Contains(text, "failed to create typed patch object"):
		return fault.New(fault.Invalid, "kube.unknown-field", "%w", f).WithHint("remove or correct the field; check the kind's API version")
	case strings.Contains(text, "failed calling webhook"):
		return fault.New(fault.Unavailable, CodeController, "%w", f).WithHint("the fabric controller, which checks every change, does not answer; look at its pod")
	case starting:
		return fault.New(fault.Unavailable, CodeStarting, "%w", f)
	case code/100 == 3:
		return fault.New(fault.Unavailable, "kube.redirect", "the server redirects, which is not followed: %w", f).WithHint("use the address of the Kubernetes API itself")
	case effect:
		return fault.New(fault.Unknown, CodeUnseen, "%w", f).WithHint(unseenHint)
	case code == http.StatusGatewayTimeout:
		return fault.New(fault.Unavailable, "kube.timeout", "%w", f)
	}
	return fault.New(fault.Unavailable, "kube.server", "%w", f)
}

func fromAdmission(text string) bool {
	return strings.Contains(text, "admission webhook") && strings.Contains(text, "denied the request")
}

// mayStillCome recognises the fabric's refusals that end by themselves, once
// something else is created or rendered.
func mayStillCome(text string) bool {
	return slices.ContainsFunc([]string{"not found", "does not exist", "doesn't exist", "not ready", "retry later"},
		func(s string) bool { return strings.Contains(text, s) })
}
