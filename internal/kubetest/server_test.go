package kubetest_test

import (
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	rbac "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/hedgesync/hedgesync/crds"
	"github.com/hedgesync/hedgesync/internal/kubetest"
)

func TestMain(m *testing.M) { kubetest.Main(m, crds.FS) }

func clientOf(t *testing.T, kubeconfig []byte) *dynamic.DynamicClient {
	t.Helper()
	c, err := clientcmd.RESTConfigFromKubeConfig(kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	c.Timeout = 5 * time.Second
	d, err := dynamic.NewForConfig(c)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func listVPCs(t *testing.T, kubeconfig []byte) error {
	t.Helper()
	gvr := schema.GroupVersionResource{Group: "vpc.githedgehog.com", Version: "v1beta1", Resource: "vpcs"}
	s := clientOf(t, kubeconfig)
	_, err := s.Resource(gvr).List(t.Context(), metav1.ListOptions{})
	return err
}

func TestAUserMayDoExactlyWhatTheRulesSay(t *testing.T) {
	t.Parallel()
	s := kubetest.Shared(t)
	reader := s.User(t, rbac.PolicyRule{APIGroups: []string{"vpc.githedgehog.com"}, Resources: []string{"vpcs"}, Verbs: []string{"list"}})
	if err := listVPCs(t, reader); err != nil {
		t.Errorf("reader: %v", err)
	}
	if err := listVPCs(t, s.CertificateKubeconfig(t)); err != nil {
		t.Errorf("client certificate: %v", err)
	}
	if err := listVPCs(t, s.KubeconfigFor(kubetest.Nobody)); !apierrors.IsForbidden(err) {
		t.Errorf("nobody: %v, want forbidden", err)
	}
	if err := listVPCs(t, s.KubeconfigFor("stranger")); !apierrors.IsUnauthorized(err) {
		t.Errorf("unknown token: %v, want unauthorised", err)
	}
}

func TestDataAndAddressSurviveAKillAndARestart(t *testing.T) {
	t.Parallel()
	s := kubetest.Start(t)
	ns := s.Namespace(t)
	address := s.Address
	s.Kill(t)
	if _, err := http.Get(address); err == nil || !strings.Contains(err.Error(), "refused") {
		t.Fatalf("after a kill: %v, want connection refused", err)
	}
	s.Restart(t)
	if _, err := s.Resource("", "v1", "namespaces", "").Get(t.Context(), ns, metav1.GetOptions{}); err != nil || s.Address != address {
		t.Fatalf("after a restart at %s (was %s): %v", s.Address, address, err)
	}
}

func TestAPausedServerAnswersNothingUntilItIsResumed(t *testing.T) {
	t.Parallel()
	s := kubetest.Start(t)
	ns := s.Namespace(t)
	s.Pause(t)
	client := clientOf(t, s.Kubeconfig)
	get := func() error {
		_, err := client.Resource(schema.GroupVersionResource{Version: "v1", Resource: "namespaces"}).Get(t.Context(), ns, metav1.GetOptions{})
		return err
	}
	if err := get(); !os.IsTimeout(err) {
		t.Fatalf("paused: %v, want a time-out", err)
	}
	s.Resume(t)
	if err := get(); err != nil {
		t.Fatalf("resumed: %v", err)
	}
}

func TestTheLightServerServesTheHedgehogKinds(t *testing.T) {
	t.Parallel()
	if err := listVPCs(t, kubetest.Light(t)); err != nil {
		t.Fatal(err)
	}
}

func TestAFabricsAdmissionRunsOnTheRealServer(t *testing.T) {
	t.Parallel()
	s := kubetest.Start(t)
	s.Fabric(t)
	vpc := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "vpc.githedgehog.com/v1beta1", "kind": "VPC", "metadata": map[string]any{"name": "a-name-that-is-too-long"},
	}}
	_, err := s.Resource("vpc.githedgehog.com", "v1beta1", "vpcs", "default").Create(t.Context(), vpc, metav1.CreateOptions{})
	if err == nil || !strings.Contains(err.Error(), "admission webhook") {
		t.Fatalf("a VPC with a long name: %v, want a refusal by a webhook", err)
	}
}
