// Package controller does what a fabric's own controller does after a write: it
// makes the switch models, renders what each switch agent has to run, and tells
// gateways which VPCs there are.
//
// An agent's generation moves only when what is rendered for it changes. As in
// reality the agent of a deleted switch stays, and a switch that cannot be
// rendered keeps its old agent and says so only in the log.
package controller

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"

	"github.com/hedgesync/hedgesync/sandbox/objects"
	"github.com/hedgesync/hedgesync/sandbox/profiles"
)

// Objects is what exists. Get returns nil for what does not; List is sorted.
type Objects interface {
	Get(kind, name string) *unstructured.Unstructured
	List(kind string) []*unstructured.Unstructured
}

// Reads are the kinds the controller needs to see.
var Reads = []string{
	"Agent", "Connection", "External", "ExternalAttachment", "ExternalPeering", "IPv4Namespace", "Switch", "SwitchProfile",
	"VLANNamespace", "VPC", "VPCAttachment", "VPCInfo", "VPCPeering",
}

// retry is how long to wait after a pass that did not succeed in full.
const retry = time.Second

// Controller keeps one fabric rendered.
type Controller struct {
	client dynamic.Interface
	cache  *objects.Cache
	log    *slog.Logger
}

// New makes the switch models that are missing and returns a controller that
// has read the fabric. Close it after Run has returned.
func New(ctx context.Context, config *rest.Config, log *slog.Logger) (*Controller, error) {
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	c := &Controller{client: client, log: log}
	for name, spec := range profiles.Specs() {
		if err := c.makeProfile(ctx, name, spec); err != nil {
			return nil, fmt.Errorf("make the switch profile %s: %w", name, err)
		}
	}
	c.cache, err = objects.Watch(ctx, config, Reads...)
	return c, err
}

// Close ends the watch.
func (c *Controller) Close() { c.cache.Stop() }

func (c *Controller) makeProfile(ctx context.Context, name string, spec tree) error {
	obj := objects.New("SwitchProfile", name)
	obj.Object["spec"] = spec
	_, err := objects.Client(c.client, "SwitchProfile").Create(ctx, obj, metav1.CreateOptions{})
	if apierrors.IsAlreadyExists(err) {
		return nil
	}
	return err
}

// Run renders after every change until ctx ends.
func (c *Controller) Run(ctx context.Context) {
	for {
		var again <-chan time.Time
		if err := c.pass(ctx); err != nil && ctx.Err() == nil {
			c.log.Warn("fabric is not rendered in full", "error", err)
			again = time.After(retry)
		}
		select {
		case <-ctx.Done():
			return
		case <-c.cache.Changed():
		case <-again:
		}
	}
}

func (c *Controller) pass(ctx context.Context) error {
	var errs []error
	for _, sw := range c.cache.List("Switch") {
		spec, err := render(sw, c.cache)
		if err == nil {
			err = c.keep(ctx, "Agent", sw.GetName(), spec, annotationsOf(sw))
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("switch %s: %w", sw.GetName(), err))
		}
	}
	return errors.Join(append(errs, c.informGateways(ctx))...)
}

// keep makes an object, or updates it if it differs.
func (c *Controller) keep(ctx context.Context, kind, name string, spec tree, annotations map[string]string) error {
	api := objects.Client(c.client, kind)
	have := c.cache.Get(kind, name)
	annotations = withMode(annotations, have)
	if have == nil {
		obj := objects.New(kind, name)
		obj.Object["spec"] = spec
		obj.SetAnnotations(annotations)
		_, err := api.Create(ctx, obj, metav1.CreateOptions{})
		if apierrors.IsAlreadyExists(err) {
			return nil // the watch will show it
		}
		return err
	}
	if reflect.DeepEqual(specOf(have), spec) && maps.Equal(have.GetAnnotations(), annotations) {
		return nil
	}
	obj := have.DeepCopy()
	obj.Object["spec"] = spec
	obj.SetAnnotations(annotations)
	_, err := api.Update(ctx, obj, metav1.UpdateOptions{})
	if apierrors.IsConflict(err) {
		return nil // the watch will show what is newer
	}
	return err
}

// withMode adds what a person told the simulated agent to do.
func withMode(annotations map[string]string, have *unstructured.Unstructured) map[string]string {
	out := maps.Clone(annotations)
	if have == nil || have.GetAnnotations()[objects.AgentMode] == "" {
		return out
	}
	if out == nil {
		out = map[string]string{}
	}
	out[objects.AgentMode] = have.GetAnnotations()[objects.AgentMode]
	return out
}

// informGateways keeps one VPCInfo per VPC and per external, each with an id.
func (c *Controller) informGateways(ctx context.Context) error {
	infos := wantedInfos(c.cache)
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(infos)) {
		if err := c.inform(ctx, name, infos[name]); err != nil {
			errs = append(errs, fmt.Errorf("VPCInfo %s: %w", name, err))
		}
	}
	for _, info := range c.cache.List("VPCInfo") {
		if infos[info.GetName()] != nil {
			continue
		}
		err := objects.Client(c.client, "VPCInfo").Delete(ctx, info.GetName(), metav1.DeleteOptions{})
		if !apierrors.IsNotFound(err) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

func (c *Controller) inform(ctx context.Context, name string, spec tree) error {
	if err := c.keep(ctx, "VPCInfo", name, spec, nil); err != nil {
		return err
	}
	have := c.cache.Get("VPCInfo", name)
	if have == nil {
		return nil // its status follows when the watch shows it
	}
	if id, _, _ := unstructured.NestedString(have.Object, "status", "internalID"); id != "" {
		return nil
	}
	obj := have.DeepCopy()
	obj.Object["status"] = tree{"internalID": strconv.FormatInt(spec["vni"].(int64)/vniStep, 36)}
	_, err := objects.Client(c.client, "VPCInfo").UpdateStatus(ctx, obj, metav1.UpdateOptions{})
	if apierrors.IsConflict(err) || apierrors.IsNotFound(err) {
		return nil
	}
	return err
}
