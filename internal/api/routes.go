// Package api is the program's face to other programs: REST under /api/v1, with
// an OpenAPI description made from the code at /api/v1/openapi.json.
//
// Handlers decode, call and encode; every decision is the application's.
package api

import (
	"context"
	"net/http"
	"sync"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/hedgesync/hedgesync/internal/fabric"
	"github.com/hedgesync/hedgesync/internal/plan"
	"github.com/hedgesync/hedgesync/internal/saga"
)

const root = "/api/v1"

// maxBody bounds a request: a kubeconfig and a key are small.
const maxBody = 1 << 20

// ownErrors makes huma answer with our problem documents. That is a variable of its
// package, so it is set once.
var ownErrors = sync.OnceFunc(func() { huma.NewError = newError })

// Handler serves every route.
func Handler(a Application) http.Handler {
	mux := http.NewServeMux()
	ownErrors()
	config := huma.DefaultConfig("hedgesync", a.Version)
	config.OpenAPIPath, config.DocsPath, config.SchemasPath = root+"/openapi", "", root+"/schemas"
	config.CreateHooks = nil // answers hold what the shapes say, no $schema links
	r := humago.New(mux, config)
	h := handlers{a}

	route(r, http.MethodGet, "/version", "get-version", "The program's version", http.StatusOK, h.version)

	route(r, http.MethodGet, "/fabrics", "list-fabrics", "All fabrics", http.StatusOK, h.listFabrics)
	route(r, http.MethodPost, "/fabrics", "add-fabric", "Add a fabric", http.StatusCreated, h.addFabric)
	route(r, http.MethodGet, "/fabrics/{fabric}", "get-fabric", "One fabric", http.StatusOK, h.getFabric)
	route(r, http.MethodPatch, "/fabrics/{fabric}", "edit-fabric", "Change a fabric's settings", http.StatusOK, h.editFabric)
	route(r, http.MethodDelete, "/fabrics/{fabric}", "remove-fabric", "Forget a fabric; its cluster and Git are not touched", http.StatusOK, h.removeFabric)
	route(r, http.MethodPost, "/fabrics/{fabric}/test", "test-fabric", "Try what a sync needs, stage by stage", http.StatusOK, h.testFabric)

	route(r, http.MethodGet, "/status", "list-status", "What is said of every fabric", http.StatusOK, h.listStatus)
	route(r, http.MethodGet, "/fabrics/{fabric}/status", "get-status", "What is said of one fabric", http.StatusOK, h.getStatus)
	route(r, http.MethodPost, "/fabrics/{fabric}/plan", "make-plan", "Compare Git with the cluster, and say what a sync would do", http.StatusOK, h.makePlan)
	route(r, http.MethodGet, "/plans/{plan}", "get-plan", "A saved plan", http.StatusOK, h.getPlan)

	route(r, http.MethodPost, "/fabrics/{fabric}/sync", "sync-fabric", "Start a run", http.StatusAccepted, h.sync)
	route(r, http.MethodPost, "/plans/{plan}/apply", "apply-plan", "Start a run that applies a saved plan exactly", http.StatusAccepted, h.apply)
	route(r, http.MethodGet, "/runs", "list-runs", "Runs, the newest first", http.StatusOK, h.listRuns)
	route(r, http.MethodGet, "/runs/{run}", "get-run", "One run with its steps and changes", http.StatusOK, h.getRun)
	route(r, http.MethodGet, "/runs/{run}/progress", "get-run-progress", "How far a run has come", http.StatusOK, h.getProgress)
	route(r, http.MethodPost, "/runs/{run}/cancel", "cancel-run", "Stop a run at its next safe point", http.StatusAccepted, h.cancelRun)
	return unrouted(mux)
}

func route[I, O any](r huma.API, method, path, id, summary string, status int, fn func(context.Context, *I) (O, error)) {
	huma.Register(r, huma.Operation{
		Method: method, Path: root + path, OperationID: id, Summary: summary,
		DefaultStatus: status, MaxBodyBytes: maxBody,
	}, handle(fn))
}

type handlers struct{ Application }

// The parameters of the routes.
type (
	none       struct{}
	FabricPath struct {
		Fabric string `path:"fabric" doc:"Name of the fabric"`
	}
	planPath struct {
		Plan string `path:"plan"`
	}
	runPath struct {
		Run string `path:"run"`
	}
	body[T any]       struct{ Body T }
	fabricBody[T any] struct {
		FabricPath
		Body T
	}
	runsQuery struct {
		Fabric string `query:"fabric" doc:"Only this fabric's"`
		Before string `query:"before" doc:"Only older than this run"`
		Limit  int    `query:"limit" default:"50" minimum:"1" maximum:"200"`
	}
)

// Page is one page of a list. Next, given as before, brings the following one.
type Page[T any] struct {
	Items []T    `json:"items"`
	Next  string `json:"next,omitempty"`
}

// Version names the program.
type Version struct {
	Version string `json:"version"`
}

// Removed says that something is gone.
type Removed struct {
	Removed string `json:"removed"`
}

func (h handlers) version(context.Context, *none) (Version, error) { return Version{h.Version}, nil }

func (h handlers) listFabrics(ctx context.Context, _ *none) (Page[Fabric], error) {
	records, err := h.Fabrics.List(ctx)
	p := Page[Fabric]{Items: make([]Fabric, len(records))}
	for i, r := range records {
		p.Items[i] = shapeFabric(r)
	}
	return p, err
}

func (h handlers) addFabric(ctx context.Context, in *body[NewFabric]) (Fabric, error) {
	r, err := h.Fabrics.Add(ctx, in.Body.settings())
	return shapeFabric(r), err
}

func (h handlers) getFabric(ctx context.Context, in *FabricPath) (Fabric, error) {
	r, err := h.Fabrics.Get(ctx, fabric.ID(in.Fabric))
	return shapeFabric(r), err
}

func (h handlers) editFabric(ctx context.Context, in *fabricBody[EditFabric]) (Fabric, error) {
	r, err := h.Fabrics.Edit(ctx, fabric.ID(in.Fabric), in.Body.Version, in.Body.apply)
	return shapeFabric(r), err
}

func (h handlers) removeFabric(ctx context.Context, in *FabricPath) (Removed, error) {
	return Removed{in.Fabric}, h.Fabrics.Remove(ctx, fabric.ID(in.Fabric))
}

func (h handlers) testFabric(ctx context.Context, in *FabricPath) (Test, error) {
	return h.Fabrics.Test(ctx, fabric.ID(in.Fabric))
}

func (h handlers) listStatus(ctx context.Context, _ *none) (Page[Status], error) {
	records, err := h.Fabrics.List(ctx)
	if err != nil {
		return Page[Status]{}, err
	}
	p := Page[Status]{Items: make([]Status, len(records))}
	for i, r := range records {
		if p.Items[i], err = h.status(ctx, r.ID); err != nil {
			return Page[Status]{}, err
		}
	}
	return p, nil
}

func (h handlers) getStatus(ctx context.Context, in *FabricPath) (Status, error) {
	return h.status(ctx, fabric.ID(in.Fabric))
}

func (h handlers) status(ctx context.Context, id fabric.ID) (Status, error) {
	e, err := h.Plans.Evidence(ctx, id)
	if err != nil {
		return Status{}, err
	}
	return shapeStatus(id, e, h.Now()), nil
}

func (h handlers) makePlan(ctx context.Context, in *fabricBody[PlanRequest]) (Comparison, error) {
	s, err := h.Plans.Compare(ctx, fabric.ID(in.Fabric), in.Body)
	return shapeComparison(s), err
}

func (h handlers) getPlan(ctx context.Context, in *planPath) (Comparison, error) {
	s, err := h.Plans.Saved(ctx, in.Plan)
	return shapeComparison(s), err
}

func (h handlers) sync(ctx context.Context, in *fabricBody[SyncRequest]) (Run, error) {
	r, err := h.Runs.Start(ctx, fabric.ID(in.Fabric), in.Body)
	return shapeRun(r, h.Now()), inTheWay(r, err)
}

func (h handlers) apply(ctx context.Context, in *planPath) (Run, error) {
	r, err := h.Runs.Apply(ctx, in.Plan)
	return shapeRun(r, h.Now()), inTheWay(r, err)
}

func (h handlers) listRuns(ctx context.Context, in *runsQuery) (Page[Run], error) {
	runs, err := h.Runs.List(ctx, RunQuery{Fabric: fabric.ID(in.Fabric), Before: saga.RunID(in.Before), Limit: in.Limit})
	p := Page[Run]{Items: make([]Run, len(runs))}
	for i, r := range runs {
		p.Items[i] = shapeRun(r, h.Now())
	}
	if len(runs) == in.Limit {
		p.Next = string(runs[len(runs)-1].ID)
	}
	return p, err
}

func (h handlers) getRun(ctx context.Context, in *runPath) (RunDetail, error) {
	id := saga.RunID(in.Run)
	r, err := h.Runs.Get(ctx, id)
	if err != nil {
		return RunDetail{}, err
	}
	steps, err := h.Runs.Steps(ctx, id)
	if err != nil {
		return RunDetail{}, err
	}
	var planned []plan.Planned
	if planned, err = h.Runs.Plan(ctx, id); err != nil {
		return RunDetail{}, err
	}
	return shapeDetail(r, steps, planned, h.Now()), nil
}

func (h handlers) getProgress(ctx context.Context, in *runPath) (Run, error) {
	r, err := h.Runs.Get(ctx, saga.RunID(in.Run))
	return shapeRun(r, h.Now()), err
}

func (h handlers) cancelRun(ctx context.Context, in *runPath) (Run, error) {
	r, err := h.Runs.Cancel(ctx, saga.RunID(in.Run))
	return shapeRun(r, h.Now()), err
}

// liveRun carries the id of the run that is in the way of another.
type liveRun struct {
	error
	id saga.RunID
}

func (l *liveRun) Unwrap() error { return l.error }

func inTheWay(r saga.Run, err error) error {
	if err == nil || r.ID == "" || !r.Status.Live() {
		return err
	}
	return &liveRun{err, r.ID}
}
