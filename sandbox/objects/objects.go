// Package objects keeps the Hedgehog objects of one cluster at hand.
//
// What it holds trails the server by some milliseconds, as every watch does.
package objects

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/dynamic/dynamicinformer"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
)

// Namespace is the one namespace fabrics live in.
const Namespace = "default"

// AgentMode is the annotation of an Agent by which a person tells a simulated
// switch how to behave.
const AgentMode = "hedgesync-sandbox/agent-mode"

const suffix = ".githedgehog.com"

// resources says where each kind is served. No two groups share a kind name.
var resources = map[string]schema.GroupVersionResource{
	"VLANNamespace":      {Group: "wiring" + suffix, Version: "v1beta1", Resource: "vlannamespaces"},
	"SwitchGroup":        {Group: "wiring" + suffix, Version: "v1beta1", Resource: "switchgroups"},
	"Switch":             {Group: "wiring" + suffix, Version: "v1beta1", Resource: "switches"},
	"SwitchProfile":      {Group: "wiring" + suffix, Version: "v1beta1", Resource: "switchprofiles"},
	"Server":             {Group: "wiring" + suffix, Version: "v1beta1", Resource: "servers"},
	"Connection":         {Group: "wiring" + suffix, Version: "v1beta1", Resource: "connections"},
	"IPv4Namespace":      {Group: "vpc" + suffix, Version: "v1beta1", Resource: "ipv4namespaces"},
	"VPC":                {Group: "vpc" + suffix, Version: "v1beta1", Resource: "vpcs"},
	"VPCAttachment":      {Group: "vpc" + suffix, Version: "v1beta1", Resource: "vpcattachments"},
	"VPCPeering":         {Group: "vpc" + suffix, Version: "v1beta1", Resource: "vpcpeerings"},
	"External":           {Group: "vpc" + suffix, Version: "v1beta1", Resource: "externals"},
	"ExternalAttachment": {Group: "vpc" + suffix, Version: "v1beta1", Resource: "externalattachments"},
	"ExternalPeering":    {Group: "vpc" + suffix, Version: "v1beta1", Resource: "externalpeerings"},
	"Gateway":            {Group: "gateway" + suffix, Version: "v1alpha1", Resource: "gateways"},
	"GatewayGroup":       {Group: "gateway" + suffix, Version: "v1alpha1", Resource: "gatewaygroups"},
	"GatewayPeering":     {Group: "gateway" + suffix, Version: "v1alpha1", Resource: "gatewaypeerings"},
	"VPCInfo":            {Group: "gateway" + suffix, Version: "v1alpha1", Resource: "vpcinfos"},
	"Agent":              {Group: "agent" + suffix, Version: "v1beta1", Resource: "agents"},
}

// Resource returns where a kind is served, and whether the kind is known here.
func Resource(kind string) (schema.GroupVersionResource, bool) {
	r, ok := resources[kind]
	return r, ok
}

// New returns an empty object of a known kind.
func New(kind, name string) *unstructured.Unstructured {
	obj := &unstructured.Unstructured{Object: map[string]any{}}
	obj.SetAPIVersion(resources[kind].GroupVersion().String())
	obj.SetKind(kind)
	obj.SetNamespace(Namespace)
	obj.SetName(name)
	return obj
}

// Client reads and writes one kind in a cluster.
func Client(client dynamic.Interface, kind string) dynamic.ResourceInterface {
	return client.Resource(resources[kind]).Namespace(Namespace)
}

// Cache is a watched copy. What it returns is shared: never change it.
type Cache struct {
	stores  map[string]cache.Store
	changed chan struct{}
	factory dynamicinformer.DynamicSharedInformerFactory
	cancel  context.CancelFunc
}

// Watch returns once the given kinds have been read. ctx bounds that alone; the
// watch goes on until Stop, which must be called.
func Watch(ctx context.Context, config *rest.Config, kinds ...string) (*Cache, error) {
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	running, cancel := context.WithCancel(context.WithoutCancel(ctx))
	c := &Cache{
		stores:  map[string]cache.Store{},
		changed: make(chan struct{}, 1),
		factory: dynamicinformer.NewFilteredDynamicSharedInformerFactory(client, 0, Namespace, nil),
		cancel:  cancel,
	}
	for _, kind := range kinds {
		informer := c.factory.ForResource(resources[kind]).Informer()
		if _, err := informer.AddEventHandler(c.wake()); err != nil {
			c.Stop()
			return nil, err
		}
		c.stores[kind] = informer.GetStore()
	}
	c.factory.Start(running.Done())
	for resource, ok := range c.factory.WaitForCacheSync(ctx.Done()) {
		if !ok {
			c.Stop()
			return nil, fmt.Errorf("read %s: %w", resource.Resource, ctx.Err())
		}
	}
	return c, nil
}

func (c *Cache) wake() cache.ResourceEventHandlerFuncs {
	wake := func() {
		select {
		case c.changed <- struct{}{}:
		default:
		}
	}
	return cache.ResourceEventHandlerFuncs{
		AddFunc:    func(any) { wake() },
		UpdateFunc: func(any, any) { wake() },
		DeleteFunc: func(any) { wake() },
	}
}

// Changed yields once for one or more changes since it last yielded.
func (c *Cache) Changed() <-chan struct{} { return c.changed }

// Stop ends the watch and waits for it.
func (c *Cache) Stop() {
	c.cancel()
	c.factory.Shutdown()
}

// Get returns one object, or nil.
func (c *Cache) Get(kind, name string) *unstructured.Unstructured {
	obj, ok, err := c.stores[kind].GetByKey(Namespace + "/" + name)
	if err != nil || !ok {
		return nil
	}
	return obj.(*unstructured.Unstructured)
}

// List returns the objects of a kind by name.
func (c *Cache) List(kind string) []*unstructured.Unstructured {
	var out []*unstructured.Unstructured
	for _, obj := range c.stores[kind].List() {
		out = append(out, obj.(*unstructured.Unstructured))
	}
	slices.SortFunc(out, func(a, b *unstructured.Unstructured) int {
		return strings.Compare(a.GetName(), b.GetName())
	})
	return out
}
