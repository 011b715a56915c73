//go:build bench

package bench_test

import (
	"context"
	"encoding/json"
	"testing"

	"golang.org/x/sync/errgroup"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/hedgesync/hedgesync/internal/hedgehog"
)

// raw is the plain dynamic client, used as well as it can be: no limit on its
// requests, objects encoded beforehand, tiers in order.
type raw struct {
	client dynamic.Interface
	plural map[string]schema.GroupVersionResource
	tier   map[string]int
}

func newRaw(t *testing.T, kubeconfig []byte) *raw {
	config, err := clientcmd.RESTConfigFromKubeConfig(kubeconfig)
	must(t, err)
	config.QPS = -1
	client, err := dynamic.NewForConfig(config)
	must(t, err)
	r := &raw{client: client, plural: map[string]schema.GroupVersionResource{}, tier: map[string]int{}}
	for _, k := range hedgehog.Kinds() {
		r.plural[k.Kind.Name] = schema.GroupVersionResource{Group: k.Kind.Group, Version: k.Version, Resource: k.Plural}
		r.tier[k.Kind.Name] = k.Tier
	}
	return r
}

func kindOf(o map[string]any) string { return o["kind"].(string) }

func nameOf(o map[string]any) string { return o["metadata"].(map[string]any)["name"].(string) }

func (r *raw) in(o map[string]any) dynamic.ResourceInterface {
	return r.client.Resource(r.plural[kindOf(o)]).Namespace("default")
}

// apply sends every object by server-side apply, c in flight.
func (r *raw) apply(t *testing.T, objects []map[string]any, c int) {
	force := true
	for tier := range 4 {
		var g errgroup.Group
		g.SetLimit(c)
		for _, o := range objects {
			if r.tier[kindOf(o)] != tier && (tier != 3 || r.tier[kindOf(o)] < 4) {
				continue
			}
			g.Go(func() error {
				body, err := json.Marshal(o)
				if err != nil {
					return err
				}
				_, err = r.in(o).Patch(context.Background(), nameOf(o), types.ApplyPatchType, body,
					metav1.PatchOptions{FieldManager: "raw", Force: &force, FieldValidation: "Strict"})
				return err
			})
		}
		must(t, g.Wait())
	}
}

// list reads and decodes every kind, four at a time.
func (r *raw) list(t *testing.T) {
	var g errgroup.Group
	g.SetLimit(4)
	for _, k := range hedgehog.UserKinds() {
		g.Go(func() error {
			_, err := r.client.Resource(r.plural[k.Name]).Namespace("default").List(context.Background(), metav1.ListOptions{})
			return err
		})
	}
	must(t, g.Wait())
}

// disturb edits every so many objects behind everybody's back.
func (r *raw) disturb(t *testing.T, objects []map[string]any, n int) {
	left := n
	for _, o := range objects {
		if kindOf(o) != "Server" || left == 0 {
			continue
		}
		left--
		_, err := r.in(o).Patch(context.Background(), nameOf(o), types.MergePatchType, []byte(`{"spec":{"description":"disturbed"}}`), metav1.PatchOptions{FieldManager: "somebody"})
		must(t, err)
	}
}

// wipe removes every object of the kinds in use.
func (r *raw) wipe(t *testing.T, objects []map[string]any) {
	kinds := map[string]bool{}
	for _, o := range objects {
		kinds[kindOf(o)] = true
	}
	for k := range kinds {
		must(t, r.client.Resource(r.plural[k]).Namespace("default").DeleteCollection(context.Background(), metav1.DeleteOptions{}, metav1.ListOptions{}))
	}
}
