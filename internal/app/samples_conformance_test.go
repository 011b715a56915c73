//go:build conformance

package app_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hedgesync/hedgesync/internal/api"
	"github.com/hedgesync/hedgesync/internal/api/client"
	"github.com/hedgesync/hedgesync/internal/app"
	"github.com/hedgesync/hedgesync/internal/fabric"
	"github.com/hedgesync/hedgesync/internal/gittest"
	"github.com/hedgesync/hedgesync/internal/hedgehog"
	"github.com/hedgesync/hedgesync/internal/kube"
	"github.com/hedgesync/hedgesync/internal/kubetest"
)

// repetitions of the drift check after a sync (DRF-02).
const repetitions = 100

// Every real wiring diagram is applied to a real API server whose admission
// rewrites as a fabric's does; then a second sync sends no write, and no number of
// comparisons finds drift.
func TestConformanceSamplesSyncOnceAndStayInSync(t *testing.T) {
	dir := os.Getenv("HEDGESYNC_SHARED")
	if dir == "" {
		t.Fatal("HEDGESYNC_SHARED does not name the reference data")
	}
	samples, err := filepath.Glob(filepath.Join(dir, "samples", "*.hydrated.yaml"))
	if err != nil || len(samples) == 0 {
		t.Fatalf("no samples in %s: %v", dir, err)
	}
	for _, sample := range samples {
		t.Run(filepath.Base(sample), func(t *testing.T) {
			wiring, err := os.ReadFile(sample)
			if err != nil {
				t.Fatal(err)
			}
			server := kubetest.Start(t)
			server.Fabric(t, "--controller")
			cl := started(t, server.Kubeconfig, string(wiring))

			first := ran(t, cl)
			if first.Status != "completed" || first.Progress.Total == 0 {
				t.Fatalf("first sync: %+v %+v", first.Run, first.Failure)
			}
			before := versions(t, server.Kubeconfig)
			second := ran(t, cl)
			if second.Status != "completed" || second.Progress.Total != 0 {
				t.Fatalf("second sync made %d changes: %+v", second.Progress.Total, second.Changes)
			}
			for range repetitions {
				c, err := cl.Compare(t.Context(), "lab", api.PlanRequest{})
				if err != nil {
					t.Fatal(err)
				}
				if s := c.Plan.Summary; s.Add+s.Change+s.Destroy+s.Held > 0 {
					t.Fatalf("drift where there is none: %+v", c.Plan.Changes)
				}
			}
			if after := versions(t, server.Kubeconfig); !slices.Equal(before, after) {
				t.Error("the second sync or a comparison wrote")
			}
		})
	}
}

// started starts the program with one fabric whose wiring is in a Git repository.
func started(t *testing.T, kubeconfig []byte, wiring string) *client.Client {
	t.Helper()
	repo := gittest.NewRepo(t)
	repo.Commit(t, map[string]string{"lab/wiring.yaml": wiring}, "Wanted")
	a, err := app.Open(t.Context(), app.Config{Data: filepath.Join(t.TempDir(), "data"), Version: "test"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
	cl := a.Client()
	_, err = cl.AddFabric(t.Context(), api.NewFabric{
		ID: "lab", Repository: api.Repository{URL: repo.Dir, Path: "lab"}, Kubeconfig: string(kubeconfig),
		Policy: &api.Policy{Mode: "enforce", OnFailure: "rollback", Strategy: "manual", MaxDeletes: 10, MaxDeletePercent: 20, BatchSize: 50},
	})
	if err != nil {
		t.Fatal(err)
	}
	return cl
}

// ran makes one sync and waits for its end.
func ran(t *testing.T, cl *client.Client) api.RunDetail {
	t.Helper()
	run, err := cl.Sync(t.Context(), "lab", api.SyncRequest{})
	if err != nil {
		t.Fatal(err)
	}
	for tick := time.NewTicker(20 * time.Millisecond); ; <-tick.C {
		r, err := cl.Progress(t.Context(), run.ID)
		if err != nil {
			t.Fatal(err)
		}
		if !r.Live {
			d, err := cl.Run(t.Context(), run.ID)
			if err != nil {
				t.Fatal(err)
			}
			return d
		}
	}
}

// versions returns the version of every object Git may hold, in order.
func versions(t *testing.T, kubeconfig []byte) []string {
	t.Helper()
	c, err := kube.New(fabric.Cluster{Kubeconfig: fabric.NewSecret(string(kubeconfig))}, kube.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	s, err := c.Observe(t.Context(), hedgehog.UserKinds(), kube.ObserveOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for r := range s.All() {
		out = append(out, strings.Join([]string{r.Key.String(), r.UID, r.ResourceVersion}, " "))
	}
	return out
}
