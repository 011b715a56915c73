// Package agents plays the part of the switches of a fabric: each reports to its
// Agent object as the software on a real switch does, and applies a new
// generation after a while.
//
// How a switch behaves is written in an annotation of its Agent, so it outlives
// the process and needs no other way in.
package agents

import (
	"context"
	"log/slog"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"

	"github.com/hedgesync/hedgesync/sandbox/objects"
)

// Config says how fast switches are. Zero values mean those of real switches: a
// heartbeat every 15 s; a generation is applied after 3 s.
type Config struct {
	Heartbeat time.Duration
	Apply     time.Duration
}

// resolution is how often switches look at the clock.
const resolution = 250 * time.Millisecond

// Agents are the simulated switches of one fabric.
type Agents struct {
	client  dynamic.ResourceInterface
	cache   *objects.Cache
	timing  timing
	devices map[types.UID]*device // by Agent; used by Run alone
	log     *slog.Logger
}

// New reads the fabric. Close it after Run has returned.
func New(ctx context.Context, config *rest.Config, c Config, log *slog.Logger) (*Agents, error) {
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	cache, err := objects.Watch(ctx, config, "Agent")
	if err != nil {
		return nil, err
	}
	t := timing{heartbeat: c.Heartbeat, apply: c.Apply}
	if t.heartbeat == 0 {
		t.heartbeat = 15 * time.Second
	}
	if t.apply == 0 {
		t.apply = 3 * time.Second
	}
	return &Agents{objects.Client(client, "Agent"), cache, t, map[types.UID]*device{}, log}, nil
}

// Close ends the watch.
func (a *Agents) Close() { a.cache.Stop() }

// Run plays the switches until ctx ends.
func (a *Agents) Run(ctx context.Context) {
	tick := time.NewTicker(min(resolution, a.timing.heartbeat))
	defer tick.Stop()
	for {
		a.round(ctx, time.Now())
		select {
		case <-ctx.Done():
			return
		case <-a.cache.Changed():
		case <-tick.C:
		}
	}
}

func (a *Agents) round(ctx context.Context, now time.Time) {
	for _, agent := range a.cache.List("Agent") {
		mode, err := ParseMode(agent.GetAnnotations()[objects.AgentMode])
		if err != nil {
			mode = Mode{Behaviour: OK} // written by hand, past SetMode
		}
		d := a.deviceOf(agent, now)
		status := d.report(agent, mode, a.timing, now)
		if status == nil {
			continue
		}
		err = a.send(ctx, agent, status)
		if err == nil {
			continue
		}
		d.heartbeat = time.Time{} // say it again at the next look
		if ctx.Err() == nil && !apierrors.IsConflict(err) {
			a.log.Warn("switch cannot report", "switch", agent.GetName(), "error", err)
		}
	}
}

// deviceOf returns the memory of a switch. One that has applied something before
// this process began remembers that.
func (a *Agents) deviceOf(agent *unstructured.Unstructured, now time.Time) *device {
	d := a.devices[agent.GetUID()]
	if d == nil {
		applied, _ := at(agent.Object, "status", "lastAppliedGen").(int64)
		d = &device{booted: now, applied: applied}
		a.devices[agent.GetUID()] = d
	}
	return d
}

func (a *Agents) send(ctx context.Context, agent *unstructured.Unstructured, status tree) error {
	obj := agent.DeepCopy()
	obj.Object["status"] = status
	_, err := a.client.UpdateStatus(ctx, obj, metav1.UpdateOptions{})
	if apierrors.IsNotFound(err) {
		return nil // deleted; the watch will say so
	}
	return err
}

// SetMode tells the switch of that name how to behave from now on.
func SetMode(ctx context.Context, config *rest.Config, name string, mode string) error {
	if _, err := ParseMode(mode); err != nil {
		return err
	}
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return err
	}
	patch := []byte(`{"metadata":{"annotations":{"` + objects.AgentMode + `":"` + mode + `"}}}`)
	_, err = objects.Client(client, "Agent").Patch(ctx, name, types.MergePatchType, patch, metav1.PatchOptions{})
	return err
}
