package admission

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"reflect"
	"strings"
	"time"

	admissionv1 "k8s.io/api/admission/v1"
	registrationv1 "k8s.io/api/admissionregistration/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/util/cert"

	"github.com/hedgesync/hedgesync/sandbox/objects"
)

// configuration is the name of both webhook configurations.
const configuration = "hedgesync-sandbox"

// Webhooks are admission outside an API server: an HTTPS server on loopback that
// is registered in the cluster with failurePolicy Fail.
type Webhooks struct {
	client kubernetes.Interface
	server *http.Server
	ended  chan error
}

// Serve starts the webhooks and registers them; the API server must reach this
// machine's loopback. Close must be called, or the cluster refuses writes.
func Serve(ctx context.Context, config *rest.Config, all Objects) (*Webhooks, error) {
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	certPEM, keyPEM, err := cert.GenerateSelfSignedCertKey("localhost", []net.IP{net.IPv4(127, 0, 0, 1)}, nil)
	if err != nil {
		return nil, err
	}
	pair, err := tls.X509KeyPair(certPEM, keyPEM)
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	w := &Webhooks{
		client: client,
		ended:  make(chan error, 1),
		server: &http.Server{
			Handler:           routes(all),
			TLSConfig:         &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12},
			ReadHeaderTimeout: 10 * time.Second,
			ErrorLog:          slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug),
		},
	}
	go func() { w.ended <- w.server.ServeTLS(listener, "", "") }()
	if err := w.register(ctx, "https://"+listener.Addr().String(), certPEM); err != nil {
		return nil, errors.Join(fmt.Errorf("register the webhooks: %w", err), w.Close())
	}
	return w, nil
}

// Close takes the registration back and stops the server.
func (w *Webhooks) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	api := w.client.AdmissionregistrationV1()
	err := errors.Join(
		ignoreMissing(api.MutatingWebhookConfigurations().Delete(ctx, configuration, metav1.DeleteOptions{})),
		ignoreMissing(api.ValidatingWebhookConfigurations().Delete(ctx, configuration, metav1.DeleteOptions{})),
		w.server.Close(),
	)
	if ended := <-w.ended; !errors.Is(ended, http.ErrServerClosed) {
		err = errors.Join(err, ended)
	}
	return err
}

func ignoreMissing(err error) error {
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}

func (w *Webhooks) register(ctx context.Context, url string, ca []byte) error {
	api := w.client.AdmissionregistrationV1()
	mutating := &registrationv1.MutatingWebhookConfiguration{ObjectMeta: metav1.ObjectMeta{Name: configuration}}
	validating := &registrationv1.ValidatingWebhookConfiguration{ObjectMeta: metav1.ObjectMeta{Name: configuration}}
	fail, none, seconds := registrationv1.Fail, registrationv1.SideEffectClassNone, int32(10)
	for _, kind := range Kinds {
		mutateURL, validateURL := url+"/mutate", url+"/validate"
		mutating.Webhooks = append(mutating.Webhooks, registrationv1.MutatingWebhook{
			Name: "m" + strings.TrimPrefix(Webhook(kind), "v"), ClientConfig: registrationv1.WebhookClientConfig{URL: &mutateURL, CABundle: ca},
			Rules: rules(kind, registrationv1.Create, registrationv1.Update), FailurePolicy: &fail, SideEffects: &none,
			TimeoutSeconds: &seconds, AdmissionReviewVersions: []string{"v1"},
		})
		validating.Webhooks = append(validating.Webhooks, registrationv1.ValidatingWebhook{
			Name: Webhook(kind), ClientConfig: registrationv1.WebhookClientConfig{URL: &validateURL, CABundle: ca},
			Rules: rules(kind, registrationv1.Create, registrationv1.Update, registrationv1.Delete), FailurePolicy: &fail, SideEffects: &none,
			TimeoutSeconds: &seconds, AdmissionReviewVersions: []string{"v1"},
		})
	}
	// What an earlier process left behind points to a port that is closed.
	if err := ignoreMissing(api.MutatingWebhookConfigurations().Delete(ctx, configuration, metav1.DeleteOptions{})); err != nil {
		return err
	}
	if err := ignoreMissing(api.ValidatingWebhookConfigurations().Delete(ctx, configuration, metav1.DeleteOptions{})); err != nil {
		return err
	}
	if _, err := api.MutatingWebhookConfigurations().Create(ctx, mutating, metav1.CreateOptions{}); err != nil {
		return err
	}
	_, err := api.ValidatingWebhookConfigurations().Create(ctx, validating, metav1.CreateOptions{})
	return err
}

func rules(kind string, operations ...registrationv1.OperationType) []registrationv1.RuleWithOperations {
	resource, _ := objects.Resource(kind)
	return []registrationv1.RuleWithOperations{{
		Operations: operations,
		Rule: registrationv1.Rule{
			APIGroups: []string{resource.Group}, APIVersions: []string{resource.Version}, Resources: []string{resource.Resource},
		},
	}}
}

func routes(all Objects) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /mutate", review(mutation))
	mux.HandleFunc("POST /validate", review(func(r *admissionv1.AdmissionRequest) *admissionv1.AdmissionResponse {
		return validation(r, all)
	}))
	return mux
}

func review(decide func(*admissionv1.AdmissionRequest) *admissionv1.AdmissionResponse) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var in admissionv1.AdmissionReview
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 8<<20))
		if err == nil {
			err = json.Unmarshal(body, &in)
		}
		if err != nil || in.Request == nil {
			http.Error(w, "not an admission review", http.StatusBadRequest)
			return
		}
		out := admissionv1.AdmissionReview{TypeMeta: in.TypeMeta, Response: decide(in.Request)}
		out.Response.UID = in.Request.UID
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(out) // the API server has hung up
	}
}

func mutation(r *admissionv1.AdmissionRequest) *admissionv1.AdmissionResponse {
	obj, err := object(r.Object.Raw)
	if err != nil {
		return unreadable(err)
	}
	before := obj.DeepCopy()
	Default(obj)
	patch, err := patchOf(before, obj)
	if err != nil {
		return unreadable(err)
	}
	answer := &admissionv1.AdmissionResponse{Allowed: true}
	if patch != nil {
		kind := admissionv1.PatchTypeJSONPatch
		answer.Patch, answer.PatchType = patch, &kind
	}
	return answer
}

// patchOf replaces what Default may have changed: labels and spec. It is nil
// when nothing changed.
func patchOf(before, after *unstructured.Unstructured) ([]byte, error) {
	type operation struct {
		Op    string `json:"op"`
		Path  string `json:"path"`
		Value any    `json:"value"`
	}
	var patch []operation
	if !reflect.DeepEqual(before.GetLabels(), after.GetLabels()) {
		patch = append(patch, operation{"add", "/metadata/labels", labelsOf(after)})
	}
	if !reflect.DeepEqual(before.Object["spec"], after.Object["spec"]) {
		patch = append(patch, operation{"add", "/spec", after.Object["spec"]})
	}
	if patch == nil {
		return nil, nil
	}
	return json.Marshal(patch)
}

// labelsOf is never nil: null is no set of labels.
func labelsOf(obj *unstructured.Unstructured) map[string]string {
	if labels := obj.GetLabels(); labels != nil {
		return labels
	}
	return map[string]string{}
}

func validation(r *admissionv1.AdmissionRequest, all Objects) *admissionv1.AdmissionResponse {
	obj, err := object(r.Object.Raw)
	if err != nil {
		return unreadable(err)
	}
	old, err := object(r.OldObject.Raw)
	if err != nil {
		return unreadable(err)
	}
	err = Check(Request{Operation: Operation(r.Operation), Kind: r.Kind.Kind, Namespace: r.Namespace, Object: obj, Old: old}, all)
	if err != nil {
		return &admissionv1.AdmissionResponse{Result: denial(err)}
	}
	return &admissionv1.AdmissionResponse{Allowed: true}
}

// object decodes what may be absent.
func object(raw []byte) (*unstructured.Unstructured, error) {
	if len(raw) == 0 {
		return nil, nil
	}
	obj := &unstructured.Unstructured{}
	return obj, obj.UnmarshalJSON(raw)
}

func unreadable(err error) *admissionv1.AdmissionResponse {
	return &admissionv1.AdmissionResponse{Result: &metav1.Status{
		Status: metav1.StatusFailure, Code: http.StatusBadRequest, Reason: metav1.StatusReasonBadRequest, Message: err.Error(),
	}}
}
