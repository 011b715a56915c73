package kubeapi

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"time"

	apidiscoveryv2 "k8s.io/api/apidiscovery/v2"
	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	genericapiserver "k8s.io/apiserver/pkg/server"
	"k8s.io/client-go/kubernetes/scheme"
)

// front answers the few paths that in a whole cluster other servers answer:
// the list of groups, the one namespace, and questions about one's own rights.
type front struct {
	groups http.Handler // set once, before the server listens
	begun  time.Time
}

type chain = func(http.Handler, *genericapiserver.Config) http.Handler

// wrap puts the front behind the authentication of inner.
func (f *front) wrap(inner chain) chain {
	f.begun = time.Now()
	return func(rest http.Handler, c *genericapiserver.Config) http.Handler {
		mux := http.NewServeMux()
		mux.HandleFunc("GET /apis", f.listGroups)
		mux.HandleFunc("GET /apis/{$}", f.listGroups)
		mux.HandleFunc("GET /api", f.listCoreVersions)
		mux.HandleFunc("GET /api/{$}", f.listCoreVersions)
		mux.HandleFunc("GET /api/v1", f.listCoreKinds)
		mux.HandleFunc("GET /api/v1/namespaces", f.listNamespaces)
		mux.HandleFunc("GET /api/v1/namespaces/{name}", f.getNamespace)
		mux.HandleFunc("POST /apis/authorization.k8s.io/v1/selfsubjectaccessreviews", f.reviewAccess)
		mux.Handle("/", rest)
		return inner(mux, c)
	}
}

// listGroups serves /apis in the form the client asks for: aggregated
// discovery, or the plain list of groups, which is derived from it.
func (f *front) listGroups(w http.ResponseWriter, r *http.Request) {
	if strings.Contains(r.Header.Get("Accept"), "APIGroupDiscoveryList") {
		f.groups.ServeHTTP(w, r)
		return
	}
	aggregated := r.Clone(r.Context())
	aggregated.Header.Set("Accept", "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList")
	aggregated.Header.Del("If-None-Match")
	answer := &recorder{header: http.Header{}}
	f.groups.ServeHTTP(answer, aggregated)
	var all apidiscoveryv2.APIGroupDiscoveryList
	if err := json.Unmarshal(answer.body, &all); err != nil {
		http.Error(w, "read the list of groups: "+err.Error(), http.StatusInternalServerError)
		return
	}
	writeJSON(w, http.StatusOK, plainGroups(all))
}

func plainGroups(all apidiscoveryv2.APIGroupDiscoveryList) metav1.APIGroupList {
	out := metav1.APIGroupList{TypeMeta: metav1.TypeMeta{Kind: "APIGroupList", APIVersion: "v1"}, Groups: []metav1.APIGroup{}}
	for _, item := range all.Items {
		group := metav1.APIGroup{Name: item.Name}
		for _, v := range item.Versions {
			group.Versions = append(group.Versions, metav1.GroupVersionForDiscovery{GroupVersion: item.Name + "/" + v.Version, Version: v.Version})
		}
		if len(group.Versions) > 0 {
			group.PreferredVersion = group.Versions[0]
			out.Groups = append(out.Groups, group)
		}
	}
	return out
}

func (f *front) listCoreVersions(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, metav1.APIVersions{TypeMeta: metav1.TypeMeta{Kind: "APIVersions"}, Versions: []string{"v1"}})
}

func (f *front) listCoreKinds(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, metav1.APIResourceList{
		TypeMeta:     metav1.TypeMeta{Kind: "APIResourceList", APIVersion: "v1"},
		GroupVersion: "v1",
		APIResources: []metav1.APIResource{{
			Name: "namespaces", SingularName: "namespace", Kind: "Namespace",
			ShortNames: []string{"ns"}, Verbs: metav1.Verbs{"get", "list"},
		}},
	})
}

func (f *front) namespace() corev1.Namespace {
	return corev1.Namespace{
		TypeMeta: metav1.TypeMeta{Kind: "Namespace", APIVersion: "v1"},
		ObjectMeta: metav1.ObjectMeta{
			Name: metav1.NamespaceDefault, UID: "00000000-0000-4000-8000-000000000001", ResourceVersion: "1",
			CreationTimestamp: metav1.NewTime(f.begun), Labels: map[string]string{corev1.LabelMetadataName: metav1.NamespaceDefault},
		},
		Status: corev1.NamespaceStatus{Phase: corev1.NamespaceActive},
	}
}

func (f *front) listNamespaces(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, corev1.NamespaceList{
		TypeMeta: metav1.TypeMeta{Kind: "NamespaceList", APIVersion: "v1"},
		ListMeta: metav1.ListMeta{ResourceVersion: "1"},
		Items:    []corev1.Namespace{f.namespace()},
	})
}

func (f *front) getNamespace(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	if name != metav1.NamespaceDefault {
		writeJSON(w, http.StatusNotFound, metav1.Status{
			TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"},
			Status:   metav1.StatusFailure, Reason: metav1.StatusReasonNotFound, Code: http.StatusNotFound,
			Message: `namespaces "` + name + `" not found`,
			Details: &metav1.StatusDetails{Name: name, Kind: "namespaces"},
		})
		return
	}
	writeJSON(w, http.StatusOK, f.namespace())
}

// reviewAccess says yes: there are no roles here.
func (f *front) reviewAccess(w http.ResponseWriter, r *http.Request) {
	review := &authorizationv1.SelfSubjectAccessReview{}
	if err := decodeBody(w, r, review); err != nil {
		writeJSON(w, http.StatusBadRequest, metav1.Status{
			TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"},
			Status:   metav1.StatusFailure, Reason: metav1.StatusReasonBadRequest, Code: http.StatusBadRequest,
			Message: "read the access review: " + err.Error(),
		})
		return
	}
	review.TypeMeta = metav1.TypeMeta{Kind: "SelfSubjectAccessReview", APIVersion: "authorization.k8s.io/v1"}
	review.Status = authorizationv1.SubjectAccessReviewStatus{Allowed: true, Reason: "this server has no roles"}
	writeJSON(w, http.StatusCreated, review)
}

// decodeBody reads JSON, YAML or protobuf: clients of core kinds prefer the last.
func decodeBody(w http.ResponseWriter, r *http.Request, into runtime.Object) error {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
	if err != nil {
		return err
	}
	_, _, err = scheme.Codecs.UniversalDeserializer().Decode(body, nil, into)
	return err
}

func writeJSON(w http.ResponseWriter, code int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(v) // the client is gone; nobody is left to tell
}

// recorder keeps an answer in memory.
type recorder struct {
	header http.Header
	body   []byte
}

func (r *recorder) Header() http.Header { return r.header }
func (r *recorder) WriteHeader(int)     {}
func (r *recorder) Write(b []byte) (int, error) {
	r.body = append(r.body, b...)
	return len(b), nil
}
