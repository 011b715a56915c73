package agents

import (
	"fmt"
	"hash/fnv"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/hedgesync/hedgesync/sandbox/admission"
)

// A tree is decoded JSON.
type tree = map[string]any

// device is the memory of one simulated switch.
type device struct {
	booted    time.Time
	run       int       // starts of the agent since then
	heartbeat time.Time // last one
	seen      int64     // generation it works on
	seenAt    time.Time
	applied   int64
}

// timing is what all switches of a fabric have in common.
type timing struct {
	heartbeat time.Duration // between reports
	apply     time.Duration // from seeing a generation to having applied it
}

// report returns what the switch says at now, or nil if it keeps silent. The
// clock and the object are all it looks at.
func (d *device) report(agent *unstructured.Unstructured, mode Mode, t timing, now time.Time) tree {
	if mode.Behaviour == Dead {
		return nil
	}
	due := now.Sub(d.heartbeat) >= t.heartbeat
	if generation := agent.GetGeneration(); generation != d.seen {
		d.seen, d.seenAt = generation, now
		due = true
	}
	if d.applies(mode, t, now) {
		d.applied = d.seen
		due = true
	}
	if !due {
		return nil
	}
	d.heartbeat = now
	if mode.Behaviour == Failing && d.applied != d.seen {
		d.run++ // the real agent ends when it cannot apply, and is started again
		d.seenAt = now
	}
	return d.status(agent, now)
}

func (d *device) applies(mode Mode, t timing, now time.Time) bool {
	delay := t.apply
	if mode.Behaviour == Lag {
		delay = mode.Delay
	}
	return mode.Behaviour != Failing && d.applied != d.seen && now.Sub(d.seenAt) >= delay
}

func (d *device) status(agent *unstructured.Unstructured, now time.Time) tree {
	old, _ := agent.Object["status"].(tree)
	out := tree{
		"version":         at(agent.Object, "spec", "version", "default"),
		"installID":       id(agent, "install", 0),
		"bootID":          id(agent, "boot", d.booted.Unix()),
		"runID":           id(agent, "run", d.booted.Unix()+int64(d.run)),
		"rebootRequired":  false,
		"lastHeartbeat":   stamp(now),
		"lastAttemptGen":  d.seen,
		"lastAttemptTime": stamp(d.seenAt),
		"conditions":      []any{d.condition(old, now)},
		"state":           d.state(agent, now),
	}
	for _, field := range []string{"lastAppliedGen", "lastAppliedTime"} {
		if v := old[field]; v != nil {
			out[field] = v
		}
	}
	if was, _ := old["lastAppliedGen"].(int64); d.applied != 0 && was != d.applied {
		out["lastAppliedGen"], out["lastAppliedTime"] = d.applied, stamp(now)
	}
	return out
}

func (d *device) condition(old tree, now time.Time) tree {
	out := tree{
		"type": "Applied", "status": "True", "reason": "ApplySucceeded", "observedGeneration": d.seen,
		"message": fmt.Sprintf("Generation %d is applied", d.seen), "lastTransitionTime": stamp(now),
	}
	if d.applied != d.seen {
		out["status"], out["reason"] = "False", "ApplyPending"
		out["message"] = fmt.Sprintf("Generation %d is being applied", d.seen)
	}
	if conditions, _ := old["conditions"].([]any); len(conditions) > 0 {
		if was, _ := conditions[0].(tree); was["status"] == out["status"] {
			out["lastTransitionTime"] = was["lastTransitionTime"]
		}
	}
	return out
}

// state is what the switch measured: its system and the ports it uses.
func (d *device) state(agent *unstructured.Unstructured, now time.Time) tree {
	interfaces := tree{"M1": link()}
	connections, _ := at(agent.Object, "spec", "connections").(tree)
	for _, connection := range connections {
		if spec, ok := connection.(tree); ok {
			for _, port := range admission.PortsOf(spec, agent.GetName()) {
				interfaces[port] = link()
			}
		}
	}
	serial, _ := at(agent.Object, "spec", "switch", "boot", "serial").(string)
	if serial == "" {
		serial = "SIM-" + id(agent, "serial", 0)[:8]
	}
	return tree{
		"interfaces": interfaces,
		"roce":       at(agent.Object, "spec", "switch", "roce") == true,
		"nos": tree{
			"serialNumber":    serial,
			"hwskuVersion":    "Simulated",
			"platformName":    text(at(agent.Object, "spec", "switchProfile", "platform")),
			"softwareVersion": "sandbox",
			"uptime":          now.Sub(d.booted).Truncate(time.Second).String(),
		},
	}
}

func link() tree { return tree{"enabled": true, "admin": "up", "oper": "up"} }

func text(v any) string {
	s, _ := v.(string)
	return s
}

// stamp writes a time as the API does, in whole seconds.
func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// id derives an id that stays while what it is made of stays.
func id(agent *unstructured.Unstructured, what string, n int64) string {
	h := fnv.New64a()
	_, _ = fmt.Fprintf(h, "%s/%s/%d", agent.GetUID(), what, n) // a hash takes everything
	return fmt.Sprintf("%016x", h.Sum64())
}

func at(t tree, path ...string) any {
	var v any = t
	for _, key := range path {
		m, _ := v.(tree)
		v = m[key]
	}
	return v
}
