package world_test

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/yaml"

	"github.com/hedgesync/hedgesync/sandbox/agents"
	"github.com/hedgesync/hedgesync/sandbox/fabrics"
	"github.com/hedgesync/hedgesync/sandbox/kubeapi"
	"github.com/hedgesync/hedgesync/sandbox/objects"
	"github.com/hedgesync/hedgesync/sandbox/world"
)

func TestMain(m *testing.M) {
	kubeapi.LogTo(io.Discard)
	m.Run()
}

var quick = agents.Config{Heartbeat: time.Second, Apply: 50 * time.Millisecond}

func start(t *testing.T, dir string, memory bool) *world.World {
	t.Helper()
	w, err := world.Start(t.Context(), world.Config{Dir: dir, Memory: memory, Timing: quick, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func stop(t *testing.T, w *world.World) {
	t.Helper()
	if err := w.Stop(); err != nil {
		t.Errorf("stop: %v", err)
	}
}

// tiers is an order in which references exist.
var tiers = []string{
	"VLANNamespace", "IPv4Namespace", "SwitchGroup", "Server", "Switch", "VPC", "External", "Connection",
	"VPCAttachment", "VPCPeering", "ExternalAttachment", "ExternalPeering",
}

// sample reads the objects of one sample fabric in that order.
func sample(t *testing.T, fabric string) []*unstructured.Unstructured {
	t.Helper()
	repository := fabrics.Repository()
	files, err := fs.Glob(repository, fabric+"/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var out []*unstructured.Unstructured
	for _, file := range files {
		raw, err := fs.ReadFile(repository, file)
		if err != nil {
			t.Fatal(err)
		}
		for _, doc := range strings.Split(string(raw), "\n---\n") {
			obj := &unstructured.Unstructured{}
			if err := yaml.Unmarshal([]byte(doc), &obj.Object); err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			out = append(out, obj)
		}
	}
	slices.SortStableFunc(out, func(a, b *unstructured.Unstructured) int {
		return slices.Index(tiers, a.GetKind()) - slices.Index(tiers, b.GetKind())
	})
	return out
}

// apply writes as the product does: again while admission does not see what was
// written just before.
func apply(t *testing.T, config *rest.Config, objs []*unstructured.Unstructured) map[string]string {
	t.Helper()
	client := dynamic.NewForConfigOrDie(config)
	versions := map[string]string{}
	for _, obj := range objs {
		await(t, obj.GetKind()+" "+obj.GetName()+" is accepted", func(ctx context.Context) error {
			got, err := objects.Client(client, obj.GetKind()).Apply(ctx, obj.GetName(), obj, metav1.ApplyOptions{FieldManager: "test"})
			if err == nil {
				versions[obj.GetKind()+" "+obj.GetName()] = got.GetResourceVersion()
			}
			return err
		})
	}
	return versions
}

// await tries until it succeeds, for half a minute.
func await(t *testing.T, what string, try func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := try(ctx)
		if err == nil {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("%s: %v", what, err)
		case <-tick.C:
		}
	}
}

func TestEverySampleFabricIsAcceptedRenderedAndApplied(t *testing.T) {
	t.Parallel()
	w := start(t, t.TempDir(), true)
	defer stop(t, w)
	for _, cluster := range w.Clusters {
		objs := sample(t, cluster.Name)
		first := apply(t, cluster.Client(), objs)
		if diff := cmp.Diff(first, apply(t, cluster.Client(), objs)); diff != "" {
			t.Errorf("%s: applying again wrote (-first +second):\n%s", cluster.Name, diff)
		}
		client := dynamic.NewForConfigOrDie(cluster.Client())
		for _, obj := range objs {
			if obj.GetKind() == "Switch" {
				await(t, cluster.Name+" "+obj.GetName()+" has applied its generation", settled(client, obj.GetName()))
			}
		}
	}
}

func settled(client dynamic.Interface, name string) func(context.Context) error {
	return func(ctx context.Context) error {
		agent, err := objects.Client(client, "Agent").Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		applied, _, _ := unstructured.NestedInt64(agent.Object, "status", "lastAppliedGen")
		if applied == 0 || applied != agent.GetGeneration() {
			return fmt.Errorf("applied %d of %d", applied, agent.GetGeneration())
		}
		return nil
	}
}

func TestAgentsMoveOnlyWhenWhatTheyRunChanges(t *testing.T) {
	t.Parallel()
	c, err := world.StartCluster(t.Context(), world.ClusterConfig{
		Name: "one", Dir: t.TempDir(), Memory: true, Admission: true, Controller: true, Agents: true, Timing: quick, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := c.Stop(); err != nil {
			t.Error(err)
		}
	}()
	objs := sample(t, "lab")
	apply(t, c.Client(), objs)
	client := dynamic.NewForConfigOrDie(c.Client())
	await(t, "leaf-1 settles", settled(client, "leaf-1"))
	before := generation(t, client, "leaf-1")

	label := []byte(`{"metadata":{"labels":{"mine":"x"}}}`)
	if _, err := objects.Client(client, "Switch").Patch(t.Context(), "leaf-1", types.MergePatchType, label, metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := agents.SetMode(t.Context(), c.Client(), "leaf-1", "failing"); err != nil {
		t.Fatal(err)
	}
	change := []byte(`{"spec":{"description":"moved"}}`)
	if _, err := objects.Client(client, "Switch").Patch(t.Context(), "leaf-1", types.MergePatchType, change, metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	await(t, "leaf-1 tries and fails", func(ctx context.Context) error {
		agent, err := objects.Client(client, "Agent").Get(ctx, "leaf-1", metav1.GetOptions{})
		if err != nil {
			return err
		}
		status, _, _ := unstructured.NestedMap(agent.Object, "status")
		if status["lastAttemptGen"] != before+1 || status["lastAppliedGen"] != before {
			return fmt.Errorf("generation %d, tried %v, applied %v", agent.GetGeneration(), status["lastAttemptGen"], status["lastAppliedGen"])
		}
		return nil
	})
}

func generation(t *testing.T, client dynamic.Interface, name string) int64 {
	t.Helper()
	agent, err := objects.Client(client, "Agent").Get(t.Context(), name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return agent.GetGeneration()
}

func TestRefusalsReadAsThoseOfAWebhook(t *testing.T) {
	t.Parallel()
	c, err := world.StartCluster(t.Context(), world.ClusterConfig{
		Name: "one", Dir: t.TempDir(), Memory: true, Admission: true, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := c.Stop(); err != nil {
			t.Error(err)
		}
	}()
	attachment := objects.New("VPCAttachment", "a")
	attachment.Object["spec"] = map[string]any{"subnet": "shop", "connection": "c"}
	client := dynamic.NewForConfigOrDie(c.Client())
	_, err = objects.Client(client, "VPCAttachment").Create(t.Context(), attachment, metav1.CreateOptions{})
	want := `admission webhook "vvpcattachment.kb.io" denied the request: VPC "shop" not found`
	if !apierrors.IsForbidden(err) || err.Error() != want {
		t.Errorf("got %v\nwant %s", err, want)
	}
}

func TestARestartKeepsObjectsCommitsAndAddresses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first := start(t, dir, false)
	lab := first.Clusters[1]
	apply(t, lab.Client(), sample(t, "lab")[:3])
	addresses := []string{first.CloneURL(), first.PushURL(), first.Clusters[0].URL(), lab.URL()}
	if _, err := world.Start(t.Context(), world.Config{Dir: dir, Log: slog.New(slog.DiscardHandler)}); err == nil {
		t.Error("a second sandbox started in the same folder")
	}
	stop(t, first)

	second := start(t, dir, false)
	defer stop(t, second)
	if diff := cmp.Diff(addresses, []string{second.CloneURL(), second.PushURL(), second.Clusters[0].URL(), second.Clusters[1].URL()}); diff != "" {
		t.Errorf("addresses (-first +second):\n%s", diff)
	}
	servers, err := objects.Client(dynamic.NewForConfigOrDie(second.Clusters[1].Client()), "Server").List(t.Context(), metav1.ListOptions{})
	if err != nil || len(servers.Items) != 1 {
		t.Errorf("servers %v, %v, want the one that was written", servers, err)
	}
}
