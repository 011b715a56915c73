package main_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hedgesync/hedgesync/internal/api"
	"github.com/hedgesync/hedgesync/internal/hedgehog"
	"github.com/hedgesync/hedgesync/internal/wiringtest"
)

// The main job from end to end: added, tried, planned, applied, proven, and then
// left alone (PLN-11, K8S-07).
func TestSecondSyncDoesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	objects := wiringtest.Fabric(smallFabric)
	w.commit(t, "first wiring", objects)
	w.add(t, "--mode", "enforce")
	has(t, w.ok(t, "fabric", "test", "lab").out, "git transfer")

	planned := w.exits(t, 1, "plan", "lab")
	has(t, planned.out, "Plan: ", "to add, 0 to change, 0 to destroy.")
	if got := w.versions(t); len(got) != 0 {
		t.Errorf("a plan wrote %v", got)
	}
	w.exits(t, 2, "plan", "lab", "--detailed-exitcode")

	done := w.ok(t, "sync", "lab")
	has(t, done.out, "completed")
	has(t, done.err, "batch ")
	first := w.versions(t)
	if len(first) != len(objects) {
		t.Errorf("%d objects in the cluster, want %d", len(first), len(objects))
	}
	w.ok(t, "plan", "lab")
	w.ok(t, "plan", "lab", "--detailed-exitcode")
	has(t, w.ok(t, "sync", "lab").out, "completed")
	w.ok(t, "drift", "lab")
	w.ok(t, "diff", "lab")
	if d := cmp.Diff(first, w.versions(t)); d != "" {
		t.Errorf("the second sync wrote (-before +after):\n%s", d)
	}
	has(t, w.ok(t, "status", "lab").out, "Synced")
	runs := decode[[]api.Run](t, w.ok(t, "runs", "list", "lab", "-o", "json"))
	if len(runs) != 2 || runs[0].Status != "completed" || runs[0].Progress.Total != 0 || runs[1].Progress.Done != len(objects) {
		t.Errorf("runs %+v", runs)
	}
}

// DRF: what somebody else changed is shown with who did it, and put right.
func TestDriftNamesWhoAndIsPutRight(t *testing.T) {
	t.Parallel()
	w := synced(t)
	w.touch(t, hedgehog.Server, "server-0001", `{"spec":{"description":"changed by hand"}}`)
	drift := w.exits(t, 1, "drift", "lab")
	has(t, drift.out, "Server", "server-0001", "changed by hand", "kubectl-edit", "1 to change")
	w.exits(t, 1, "plan", "lab")
	has(t, w.ok(t, "status", "lab").out, "OutOfSync")
	w.ok(t, "sync", "lab")
	w.ok(t, "drift", "lab")
}

// synced returns a world whose cluster is as Git wants it.
func synced(t testing.TB, flags ...string) *world {
	t.Helper()
	w := newWorld(t)
	w.commit(t, "first wiring", wiringtest.Fabric(smallFabric))
	w.add(t, append([]string{"--mode", "enforce"}, flags...)...)
	w.ok(t, "sync", "lab")
	return w
}

// A saved plan is applied exactly, or not at all.
func TestSavedPlanIsRefusedWhenAnInputMoved(t *testing.T) {
	t.Parallel()
	w := synced(t)
	objects := wiringtest.Fabric(smallFabric)
	describe(objects, "server-0001", "first")
	w.commit(t, "describe", objects)
	saved := decode[api.Comparison](t, w.exits(t, 1, "plan", "lab", "--save", "-o", "json"))
	w.touch(t, hedgehog.Server, "server-0001", `{"spec":{"description":"meanwhile"}}`)
	moved := w.versions(t)
	has(t, w.exits(t, 1, "apply", saved.ID).out, "failed", "the plan no longer holds", "server-0001", "plan lab --save")
	if d := cmp.Diff(moved, w.versions(t)); d != "" {
		t.Errorf("a moved plan wrote (-before +after):\n%s", d)
	}
	has(t, w.exits(t, 2, "apply", "no-such-plan").err, "no-such-plan")
}

// A saved plan brings its commit, whatever Git says by then.
func TestSavedPlanIsAppliedExactly(t *testing.T) {
	t.Parallel()
	w := synced(t)
	objects := wiringtest.Fabric(smallFabric)
	describe(objects, "server-0001", "first")
	w.commit(t, "describe", objects)
	saved := decode[api.Comparison](t, w.exits(t, 1, "plan", "lab", "--save", "-o", "json"))
	describe(objects, "server-0002", "came later")
	w.commit(t, "later", objects)
	has(t, w.ok(t, "apply", saved.ID).out, "completed", short(saved.Commit.ID))
	has(t, w.exits(t, 1, "plan", "lab").out, "came later", "1 to change")
}

func short(commit string) string { return commit[:8] }

// describe sets the description of a server.
func describe(objects []map[string]any, server, text string) {
	i := slices.IndexFunc(objects, func(o map[string]any) bool {
		return o["kind"] == "Server" && o["metadata"].(map[string]any)["name"] == server
	})
	objects[i]["spec"].(map[string]any)["description"] = text
}

// Observe mode, the default, compares and never writes.
func TestObserveModeNeverWrites(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.commit(t, "first wiring", wiringtest.Fabric(smallFabric))
	w.add(t)
	w.exits(t, 1, "plan", "lab")
	has(t, w.exits(t, 2, "sync", "lab").err, "observe mode", "--mode enforce")
	saved := decode[api.Comparison](t, w.exits(t, 1, "plan", "lab", "--save", "-o", "json"))
	has(t, w.exits(t, 2, "apply", saved.ID).err, "observe mode")
	if got := w.versions(t); len(got) != 0 {
		t.Errorf("observe mode wrote %v", got)
	}
}

// DEL: nothing is deleted unless pruning is on, and not more than the guard allows.
func TestDeletesAreHeldByPolicyAndGuard(t *testing.T) {
	t.Parallel()
	w := synced(t)
	objects := wiringtest.Fabric(smallFabric)
	all := len(objects)
	fewer := slices.DeleteFunc(objects, func(o map[string]any) bool {
		return o["kind"] == "VPCAttachment" || o["kind"] == "VPCPeering"
	})
	gone := all - len(fewer)
	w.commit(t, "fewer", fewer)
	has(t, w.exits(t, 1, "plan", "lab").out, "0 to destroy")
	w.exits(t, 1, "sync", "lab")
	if got := w.versions(t); len(got) != all {
		t.Errorf("%d objects without pruning, want %d", len(got), all)
	}
	w.ok(t, "fabric", "edit", "lab", "--prune", "--max-deletes", "2")
	has(t, w.exits(t, 1, "sync", "lab").out, "held")
	if got := w.versions(t); len(got) != all {
		t.Errorf("%d objects behind the guard, want %d", len(got), all)
	}
	r := w.ok(t, "sync", "lab", "--allow-deletes", "50")
	has(t, r.out, "completed")
	if got := w.versions(t); len(got) != all-gone {
		t.Errorf("%d objects after pruning, want %d", len(got), all-gone)
	}
	w.ok(t, "plan", "lab")
}

// Every command that prints a result prints it for programs too.
func TestOutputsForProgramsParse(t *testing.T) {
	t.Parallel()
	w := synced(t)
	runs := decode[[]api.Run](t, w.ok(t, "runs", "list", "-o", "json"))
	for _, args := range [][]string{
		{"fabric", "list"}, {"fabric", "get", "lab"}, {"fabric", "test", "lab"}, {"status"}, {"status", "lab"},
		{"plan", "lab"}, {"diff", "lab"}, {"drift", "lab"}, {"runs", "list"}, {"runs", "list", "lab"}, {"runs", "get", runs[0].ID}, {"version"},
		{"fabric", "edit", "lab", "--adopt"}, {"sync", "lab"},
	} {
		fromJSON := decode[any](t, w.ok(t, append(args, "-o", "json")...))
		if fromJSON == nil {
			t.Errorf("%v: nothing", args)
		}
		y := w.ok(t, append(args, "-o", "yaml")...)
		if strings.Contains(y.out, "{\"") {
			t.Errorf("%v: not YAML:\n%s", args, y.out)
		}
		w.ok(t, append(args, "-o", "wide")...)
	}
	has(t, w.exits(t, 2, "status", "-o", "xml").err, "xml", "table, wide, json, yaml")
}
