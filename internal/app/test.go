package app

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/hedgesync/hedgesync/internal/api"
	"github.com/hedgesync/hedgesync/internal/fabric"
	"github.com/hedgesync/hedgesync/internal/fault"
	"github.com/hedgesync/hedgesync/internal/gitrepo"
	"github.com/hedgesync/hedgesync/internal/hedgehog"
	"github.com/hedgesync/hedgesync/internal/kube"
)

// The states of a stage.
const (
	stageOK         = "ok"
	stageFailed     = "failed"
	stageWarning    = "warning"
	stageNotReached = "not reached"
)

// Test implements api.Fabrics: it tries Git and the cluster, stage by stage.
func (g register) Test(ctx context.Context, id fabric.ID) (api.Test, error) {
	s, err := g.store.Settings(ctx, id)
	if err != nil {
		return api.Test{}, err
	}
	t := api.Test{Fabric: string(id), OK: true}
	t.Stages = append(gitStages(g.git.Probe(ctx, s.Repository)), clusterStages(ctx, s)...)
	for _, stage := range t.Stages {
		t.OK = t.OK && stage.State != stageFailed && stage.State != stageNotReached
	}
	return t, nil
}

func gitStages(r gitrepo.Report) []api.Stage {
	var out []api.Stage
	for _, s := range r.Stages {
		stage := api.Stage{Name: "git " + string(s.Stage), State: string(s.State), Millis: s.Duration.Milliseconds()}
		if s.State == gitrepo.NotReached {
			stage.State = stageNotReached
		}
		if s.Err != nil {
			stage.Detail, stage.Hint = s.Err.Error(), fault.HintOf(s.Err)
		}
		switch {
		case s.Stage == gitrepo.StageHostKey && r.HostKeySeen != "":
			stage.Detail = strings.TrimPrefix(stage.Detail+"; seen "+r.HostKeySeen, "; ")
		case s.Stage == gitrepo.StageTransfer && s.State == gitrepo.OK:
			stage.Detail = fmt.Sprintf("%s %.8s %s", r.Commit.Branch, r.Commit.ID, r.Commit.Subject)
		}
		out = append(out, stage)
	}
	return out
}

// clusterStages reads every kind once: that is what a sync needs first.
func clusterStages(ctx context.Context, s fabric.Settings) []api.Stage {
	began := time.Now()
	reached := api.Stage{Name: "kubernetes", State: stageOK}
	client, err := kube.New(s.Cluster, kube.Options{})
	if err != nil {
		return []api.Stage{failedStage(reached, began, err)}
	}
	defer client.Close()
	kinds := append(hedgehog.UserKinds(), hedgehog.SwitchProfile)
	have, err := client.Observe(ctx, kinds, kube.ObserveOptions{Namespaces: s.Cluster.Namespaces, Versions: versions()})
	if err != nil {
		return []api.Stage{failedStage(reached, began, err)}
	}
	reached.Millis, reached.Detail = time.Since(began).Milliseconds(), client.Address()
	return append([]api.Stage{reached}, coverStage(have, kinds))
}

func failedStage(s api.Stage, began time.Time, err error) api.Stage {
	s.State, s.Detail, s.Hint = stageFailed, err.Error(), fault.HintOf(err)
	s.Millis = time.Since(began).Milliseconds()
	return s
}

// coverStage says which kinds could be read. A kind that is not served is only a
// warning: older fabrics have no gateways.
func coverStage(have *fabric.Snapshot, kinds []fabric.Kind) api.Stage {
	stage := api.Stage{Name: "kinds", State: stageOK}
	var not []string
	for _, k := range kinds {
		c := have.Coverage(k)
		switch c.State {
		case fabric.Full:
			continue
		case fabric.KindMissing:
			if stage.State == stageOK {
				stage.State = stageWarning
			}
		default:
			stage.State = stageFailed
			stage.Hint = "the account needs get, list and watch on the groups *.githedgehog.com"
		}
		not = append(not, fmt.Sprintf("%s: %s", k.Name, c.Reason))
	}
	stage.Detail = fmt.Sprintf("%d of %d kinds readable, %d objects", len(kinds)-len(not), len(kinds), have.Len())
	if len(not) > 0 {
		stage.Detail += "; " + strings.Join(not, "; ")
	}
	return stage
}
