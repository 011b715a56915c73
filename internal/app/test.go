package app

import (
	"context"
	"fmt"
	"slices"
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

// clusterStages asks the API what a sync needs to know, each as a stage of its own.
func clusterStages(ctx context.Context, s fabric.Settings) []api.Stage {
	began := time.Now()
	client, err := kube.New(s.Cluster, kube.Options{})
	if err != nil {
		stage := api.Stage{Name: "kubernetes config", State: stageFailed, Detail: err.Error(), Hint: fault.HintOf(err)}
		return append([]api.Stage{stage}, notReached("kubernetes reach", "kubernetes login", "kubernetes rights", "kubernetes read")...)
	}
	defer client.Close()
	h := client.Health(ctx, asked(s), s.Cluster.Namespaces)
	stages := healthStages(h, s)
	stages[len(stages)-1].Millis = time.Since(began).Milliseconds() - h.Latency.Milliseconds()
	if h.Reachable != kube.Yes || h.Authenticated == kube.No {
		return append(stages, notReached("kubernetes read")...)
	}
	return append(stages, readStage(ctx, client, s))
}

// asked returns the kinds that a fabric's account must be able to read.
func asked(s fabric.Settings) []fabric.Kind {
	return append(managed(s), hedgehog.SwitchProfile)
}

func managed(s fabric.Settings) []fabric.Kind {
	if len(s.Kinds) > 0 {
		return slices.Clone(s.Kinds)
	}
	return hedgehog.UserKinds()
}

func notReached(names ...string) []api.Stage {
	out := make([]api.Stage, len(names))
	for i, n := range names {
		out[i] = api.Stage{Name: n, State: stageNotReached}
	}
	return out
}

// healthStages says whether the API is reached, knows us, and grants what the
// fabric's mode needs.
func healthStages(h kube.Health, s fabric.Settings) []api.Stage {
	reach := api.Stage{Name: "kubernetes reach", State: stageOK, Millis: h.Latency.Milliseconds(), Detail: strings.TrimSpace(h.Address + " " + h.Version)}
	login := api.Stage{Name: "kubernetes login", State: stageOK, Detail: h.User}
	switch {
	case h.Reachable != kube.Yes:
		blame(&reach, h.Err)
		return append([]api.Stage{reach}, notReached("kubernetes login", "kubernetes rights")...)
	case h.Authenticated == kube.No:
		blame(&login, h.Err)
		return append([]api.Stage{reach, login}, notReached("kubernetes rights")...)
	case h.Authenticated != kube.Yes:
		login.State, login.Detail = stageWarning, "the server does not say who we are"
	}
	return []api.Stage{reach, login, rightsStage(h, s)}
}

func blame(s *api.Stage, err error) {
	s.State = stageFailed
	if err != nil {
		s.Detail, s.Hint = err.Error(), fault.HintOf(err)
	}
}

// rightsStage names every right that is missing. A kind that is not served is only
// a warning: older fabrics have no gateways.
func rightsStage(h kube.Health, s fabric.Settings) api.Stage {
	stage := api.Stage{Name: "kubernetes rights", State: stageOK}
	var lacking, absent, unsaid []string
	for _, k := range asked(s) {
		switch a := h.Access[k]; {
		case !a.Served:
			absent = append(absent, k.Name)
		case a.Read == kube.Unsaid:
			unsaid = append(unsaid, k.Name)
		default:
			lacking = append(lacking, missing(k, a, s.Mode)...)
		}
	}
	switch {
	case len(lacking) > 0:
		stage.State = stageFailed
		stage.Hint = fmt.Sprintf("hedgesync fabric rbac %s prints the roles that grant it", s.ID)
	case len(absent) > 0 || len(unsaid) > 0:
		stage.State = stageWarning
	}
	if h.Err != nil && len(h.Access) == 0 {
		blame(&stage, h.Err)
	}
	if len(unsaid) == len(asked(s)) {
		unsaid = []string{"any kind"}
	}
	for _, part := range []struct {
		said  string
		names []string
	}{{"may not ", lacking}, {"not served: ", absent}, {"the server does not say for ", unsaid}} {
		if len(part.names) > 0 {
			stage.Detail = strings.TrimPrefix(stage.Detail+"; "+part.said+strings.Join(part.names, ", "), "; ")
		}
	}
	if stage.Detail == "" {
		stage.Detail = fmt.Sprintf("all that %s mode needs, on %d kinds", s.Mode, len(asked(s)))
	}
	return stage
}

// missing names what a mode needs of a kind and the account may not do.
func missing(k fabric.Kind, a kube.Access, m fabric.Mode) []string {
	var not []string
	if a.Read == kube.No {
		not = append(not, "read "+k.Name)
	}
	if m != fabric.Enforce || k == hedgehog.SwitchProfile {
		return not
	}
	if a.Write == kube.No {
		not = append(not, "write "+k.Name)
	}
	if a.Delete == kube.No {
		not = append(not, "delete "+k.Name)
	}
	return not
}

// readStage reads every kind once: that is what a sync needs first.
func readStage(ctx context.Context, client *kube.Client, s fabric.Settings) api.Stage {
	began := time.Now()
	stage := api.Stage{Name: "kubernetes read", State: stageOK}
	kinds := asked(s)
	have, err := client.Observe(ctx, kinds, kube.ObserveOptions{Namespaces: s.Cluster.Namespaces, Versions: versions()})
	stage.Millis = time.Since(began).Milliseconds()
	if err != nil {
		blame(&stage, err)
		return stage
	}
	var not []string
	for _, k := range kinds {
		if c := have.Coverage(k); c.State != fabric.Full && c.State != fabric.KindMissing {
			stage.State = stageFailed
			not = append(not, fmt.Sprintf("%s: %s", k.Name, c.Reason))
		}
	}
	stage.Detail = strings.Join(append([]string{fmt.Sprintf("%d objects", have.Len())}, not...), "; ")
	return stage
}
