package kubetest

import (
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	admission "k8s.io/api/admission/v1"
	registration "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Webhook is an admission webhook of one namespace, so that tests do not see each
// other's. It fails closed, has no side effects and sees creates, updates and
// deletes.
type Webhook struct {
	Namespace  string
	URL        string // https on loopback
	CA         []byte // PEM that URL's certificate is checked against
	Groups     []string
	Resources  []string // plurals
	Mutating   bool     // also called before the schema is checked, to change the object
	Validating bool
	// Canary is an object that is created by dry run until Seen says that the
	// webhook had its say.
	Canary *unstructured.Unstructured
	Plural string // of Canary
	Seen   func(answer *unstructured.Unstructured, err error) bool
}

// Register makes the server call a webhook until the test ends, and waits until
// it does. The same URL serves both kinds of call.
func (s *Server) Register(tb testing.TB, w Webhook) {
	tb.Helper()
	name := fmt.Sprintf("%s-%d.kubetest.hedgesync.dev", w.Namespace, s.spaces.Add(1))
	group := func(kind string) schema.GroupVersionKind { return registration.SchemeGroupVersion.WithKind(kind) }
	if w.Mutating {
		s.createAs(tb, group("MutatingWebhookConfiguration"), "mutatingwebhookconfigurations", "", w.mutating(name))
	}
	if w.Validating {
		s.createAs(tb, group("ValidatingWebhookConfiguration"), "validatingwebhookconfigurations", "", w.validating(name))
	}
	gv := w.Canary.GroupVersionKind()
	client := s.Resource(gv.Group, gv.Version, w.Plural, w.Namespace)
	s.await(tb, "webhook", func() bool {
		return w.Seen(client.Create(tb.Context(), w.Canary.DeepCopy(), metav1.CreateOptions{DryRun: []string{"All"}}))
	})
}

func (w Webhook) rules() []registration.RuleWithOperations {
	return []registration.RuleWithOperations{{
		Operations: []registration.OperationType{registration.Create, registration.Update, registration.Delete},
		Rule:       registration.Rule{APIGroups: w.Groups, APIVersions: []string{"*"}, Resources: w.Resources},
	}}
}

func (w Webhook) selector() *metav1.LabelSelector {
	return &metav1.LabelSelector{MatchLabels: map[string]string{"kubernetes.io/metadata.name": w.Namespace}}
}

func (w Webhook) mutating(name string) *registration.MutatingWebhookConfiguration {
	fail, none := registration.Fail, registration.SideEffectClassNone
	return &registration.MutatingWebhookConfiguration{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Webhooks: []registration.MutatingWebhook{{
			Name: name, ClientConfig: registration.WebhookClientConfig{URL: &w.URL, CABundle: w.CA}, Rules: w.rules(),
			NamespaceSelector: w.selector(), FailurePolicy: &fail, SideEffects: &none, AdmissionReviewVersions: []string{"v1"},
		}},
	}
}

func (w Webhook) validating(name string) *registration.ValidatingWebhookConfiguration {
	fail, none := registration.Fail, registration.SideEffectClassNone
	return &registration.ValidatingWebhookConfiguration{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Webhooks: []registration.ValidatingWebhook{{
			Name: name, ClientConfig: registration.WebhookClientConfig{URL: &w.URL, CABundle: w.CA}, Rules: w.rules(),
			NamespaceSelector: w.selector(), FailurePolicy: &fail, SideEffects: &none, AdmissionReviewVersions: []string{"v1"},
		}},
	}
}

// Review decides about one admission request: object is what is to be stored (nil
// for a delete). A changed object is returned in its place; a refusal is an error,
// whose text the client sees.
type Review func(op admission.Operation, object map[string]any) (map[string]any, error)

// Admit serves a Review as a webhook of one namespace until the test ends, or
// until the returned function stops it. With mutate it may change objects.
func (s *Server) Admit(tb testing.TB, namespace, group, version, plural, kind string, mutate bool, review Review) (stop func()) {
	tb.Helper()
	canary := &unstructured.Unstructured{Object: map[string]any{"metadata": map[string]any{"name": "canary"}}}
	canary.SetGroupVersionKind(schema.GroupVersionKind{Group: group, Version: version, Kind: kind})
	const sign = "the canary was seen"
	url, stop := s.serveReviews(tb, func(op admission.Operation, object map[string]any) (map[string]any, error) {
		if u := (&unstructured.Unstructured{Object: object}); object != nil && u.GetName() == canary.GetName() {
			return nil, fmt.Errorf("%s", sign)
		}
		return review(op, object)
	})
	s.Register(tb, Webhook{
		Namespace: namespace, URL: url, CA: s.ca.pem, Groups: []string{group}, Resources: []string{plural},
		Mutating: mutate, Validating: !mutate, Canary: canary, Plural: plural,
		Seen: func(_ *unstructured.Unstructured, err error) bool {
			return err != nil && strings.Contains(err.Error(), sign)
		},
	})
	return stop
}

func (s *Server) serveReviews(tb testing.TB, review Review) (url string, stop func()) {
	tb.Helper()
	p, err := s.ca.server("webhook")
	if err != nil {
		tb.Fatal(err)
	}
	certificate, err := tls.X509KeyPair(p.cert, p.key)
	if err != nil {
		tb.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	server := &http.Server{
		Handler: reviewHandler(review), ReadHeaderTimeout: time.Minute,
		TLSConfig: &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12},
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.ServeTLS(l, "", "") // ends with Close
	}()
	stop = func() {
		_ = server.Close()
		<-done
	}
	tb.Cleanup(stop)
	return "https://" + l.Addr().String(), stop
}

func reviewHandler(review Review) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var ask admission.AdmissionReview
		if err := json.NewDecoder(r.Body).Decode(&ask); err != nil || ask.Request == nil {
			http.Error(w, "not a review", http.StatusBadRequest)
			return
		}
		ask.Response = respond(ask.Request, review)
		ask.Request = nil
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(ask) // the server reports a broken answer
	})
}

func respond(r *admission.AdmissionRequest, review Review) *admission.AdmissionResponse {
	response := &admission.AdmissionResponse{UID: r.UID, Allowed: true}
	var object map[string]any
	if err := json.Unmarshal(r.Object.Raw, &object); err != nil && r.Operation != admission.Delete {
		return refused(response, err)
	}
	next, err := review(r.Operation, object)
	if err != nil {
		return refused(response, err)
	}
	if next != nil {
		patch, err := json.Marshal([]map[string]any{{"op": "replace", "path": "", "value": next}})
		if err != nil {
			return refused(response, err)
		}
		form := admission.PatchTypeJSONPatch
		response.Patch, response.PatchType = patch, &form
	}
	return response
}

func refused(r *admission.AdmissionResponse, err error) *admission.AdmissionResponse {
	r.Allowed = false
	r.Result = &metav1.Status{Code: http.StatusForbidden, Reason: metav1.StatusReasonForbidden, Message: err.Error()}
	return r
}
