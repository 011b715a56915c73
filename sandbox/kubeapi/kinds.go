package kubeapi

import (
	"context"
	"fmt"
	"io/fs"
	"strings"
	"time"

	apiextv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apiextensions-apiserver/pkg/client/clientset/clientset"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/yaml"

	"github.com/hedgesync/hedgesync/crds"
)

// Kinds returns the definitions of package crds, by file name.
func Kinds() ([]*apiextv1.CustomResourceDefinition, error) {
	files, err := fs.Glob(crds.FS, "*.yaml")
	if err != nil {
		return nil, err
	}
	var out []*apiextv1.CustomResourceDefinition
	for _, file := range files {
		raw, err := fs.ReadFile(crds.FS, file)
		if err != nil {
			return nil, err
		}
		kind := &apiextv1.CustomResourceDefinition{}
		if err := yaml.UnmarshalStrict(raw, kind); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		out = append(out, kind)
	}
	return out, nil
}

// serveKinds waits for the server to be ready and defines the kinds.
func (s *Server) serveKinds(ctx context.Context) error {
	client, err := clientset.NewForConfig(s.client)
	if err != nil {
		return err
	}
	if err := s.awaitReady(ctx, client); err != nil {
		return err
	}
	return Define(ctx, s.client)
}

// Define makes or updates the definitions of the kinds in any cluster and waits
// until all of them are served and discovery lists them.
func Define(ctx context.Context, config *rest.Config) error {
	client, err := clientset.NewForConfig(config)
	if err != nil {
		return err
	}
	kinds, err := Kinds()
	if err != nil {
		return err
	}
	for _, kind := range kinds {
		if err := define(ctx, client, kind); err != nil {
			return fmt.Errorf("%s: %w", kind.Name, err)
		}
	}
	if err := awaitServed(ctx, client, kinds); err != nil {
		return err
	}
	return awaitListed(ctx, config, kinds)
}

func define(ctx context.Context, client *clientset.Clientset, kind *apiextv1.CustomResourceDefinition) error {
	api := client.ApiextensionsV1().CustomResourceDefinitions()
	_, err := api.Create(ctx, kind, metav1.CreateOptions{})
	if !apierrors.IsAlreadyExists(err) {
		return err
	}
	kept, err := api.Get(ctx, kind.Name, metav1.GetOptions{})
	if err != nil {
		return err
	}
	kept.Spec = kind.Spec
	_, err = api.Update(ctx, kept, metav1.UpdateOptions{})
	return err
}

const patience = 30 * time.Second

func (s *Server) awaitReady(ctx context.Context, client *clientset.Clientset) error {
	return wait.PollUntilContextTimeout(ctx, 10*time.Millisecond, patience, true, func(ctx context.Context) (bool, error) {
		select {
		case <-s.stopped:
			return false, fmt.Errorf("the server ended: %w", s.err)
		default:
		}
		return client.RESTClient().Get().AbsPath("/readyz").Do(ctx).Error() == nil, nil
	})
}

// awaitServed waits until each kind can be listed: a definition is established a
// moment before its kind is.
func awaitServed(ctx context.Context, client *clientset.Clientset, kinds []*apiextv1.CustomResourceDefinition) error {
	for _, kind := range kinds {
		path := "/apis/" + kind.Spec.Group + "/" + kind.Spec.Versions[0].Name + "/" + kind.Spec.Names.Plural
		var last error
		err := wait.PollUntilContextTimeout(ctx, 20*time.Millisecond, patience, true, func(ctx context.Context) (bool, error) {
			last = client.RESTClient().Get().AbsPath(path).Param("limit", "1").Do(ctx).Error()
			return last == nil, nil
		})
		if err != nil {
			return fmt.Errorf("%s: %w: %w", kind.Name, err, last)
		}
	}
	return nil
}

// awaitListed waits until discovery, in both its forms, names each kind: it
// trails what is served, and a client would take a kind not listed for missing.
func awaitListed(ctx context.Context, config *rest.Config, kinds []*apiextv1.CustomResourceDefinition) error {
	client, err := discovery.NewDiscoveryClientForConfig(config)
	if err != nil {
		return err
	}
	for _, legacy := range []bool{false, true} {
		client.UseLegacyDiscovery = legacy
		var last error
		err := wait.PollUntilContextTimeout(ctx, 20*time.Millisecond, patience, true, func(context.Context) (bool, error) {
			last = listsAll(client, kinds)
			return last == nil, nil
		})
		if err != nil {
			return fmt.Errorf("%w: %w", err, last)
		}
	}
	return nil
}

func listsAll(client discovery.DiscoveryInterface, kinds []*apiextv1.CustomResourceDefinition) error {
	_, lists, err := client.ServerGroupsAndResources()
	if err != nil {
		return err
	}
	listed := map[string]bool{}
	for _, list := range lists {
		group, _, _ := strings.Cut(list.GroupVersion, "/")
		for _, resource := range list.APIResources {
			listed[resource.Name+"."+group] = true
		}
	}
	for _, kind := range kinds {
		if !listed[kind.Name] {
			return fmt.Errorf("discovery does not list %s", kind.Name)
		}
	}
	return nil
}
