package app_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hedgesync/hedgesync/internal/api"
	"github.com/hedgesync/hedgesync/internal/api/client"
	"github.com/hedgesync/hedgesync/internal/app"
	"github.com/hedgesync/hedgesync/internal/gittest"
	"github.com/hedgesync/hedgesync/internal/kubetest"
	"github.com/hedgesync/hedgesync/internal/pgtest"
	"github.com/hedgesync/hedgesync/internal/wiringtest"
)

// canary is in every secret these tests give away.
const canary = "canary-51f3"

// house is the program running in this process, with a fabric that was synced.
type house struct {
	client *client.Client
	data   string
	ids    map[string]string // values of the routes' parameters
	log    *bytes.Buffer
}

func open(t *testing.T) *house {
	t.Helper()
	return openAt(t, "")
}

// openAt opens the program on a database; "" is the embedded one.
func openAt(t *testing.T, database string) *house {
	t.Helper()
	h := &house{data: filepath.Join(t.TempDir(), "data"), ids: map[string]string{"fabric": "lab"}, log: &bytes.Buffer{}}
	a, err := app.Open(t.Context(), app.Config{Data: h.data, Database: database, Version: "test", Log: slog.New(slog.NewTextHandler(h.log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
	h.client = a.Client()
	return h
}

// fill adds fabric lab, saves a plan and syncs.
func (h *house) fill(t *testing.T) {
	t.Helper()
	repo := gittest.NewRepo(t)
	repo.Commit(t, map[string]string{"a.yaml": string(wiringtest.YAML(wiringtest.Fabric(wiringtest.Spec{VPCs: 2, Subnets: 1})))}, "first")
	git := gittest.Serve(t, repo, gittest.Options{Password: canary + "-token"})
	n := api.NewFabric{
		ID: "lab", Repository: api.Repository{URL: git.URL}, Kubeconfig: string(kubetest.Light(t)), Cluster: api.Cluster{Namespaces: []string{"default"}},
		Credential: &api.Credential{Password: canary + "-token", SSHKey: canary + "-key", SSHKeyPass: canary + "-pass", KnownHosts: "git.example.net ssh-ed25519 AAAA"},
		Policy:     &api.Policy{Mode: "enforce", OnFailure: "rollback", Strategy: "manual", MaxDeletes: 10, MaxDeletePercent: 20, BatchSize: 50},
	}
	if _, err := h.client.AddFabric(t.Context(), n); err != nil {
		t.Fatal(err)
	}
	saved, err := h.client.Compare(t.Context(), "lab", api.PlanRequest{Save: true})
	if err != nil {
		t.Fatal(err)
	}
	h.ids["plan"] = saved.ID
	run, err := h.client.Sync(t.Context(), "lab", api.SyncRequest{})
	if err != nil {
		t.Fatal(err)
	}
	h.ids["run"] = run.ID
	h.end(t, run.ID)
}

// end waits for a run to end.
func (h *house) end(t *testing.T, id string) api.RunDetail {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		r, err := h.client.Run(ctx, id)
		if err != nil {
			t.Fatal(err)
		}
		if !r.Live {
			return r
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("run %s does not end: %+v", id, r)
		}
	}
}

// answer is one answer of the API.
type answer struct {
	status int
	kind   string // its content type
	body   []byte
}

func (h *house) ask(t *testing.T, method, path, body string) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, h.client.Base+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := h.client.HTTP.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(b, []byte(canary)) {
		t.Errorf("%s %s answers with a secret: %s", method, path, b)
	}
	return answer{res.StatusCode, res.Header.Get("Content-Type"), b}
}

// document is the API's description of itself.
type document struct {
	OpenAPI    string                          `json:"openapi"`
	Paths      map[string]map[string]operation `json:"paths"`
	Components struct {
		Schemas map[string]schema `json:"schemas"`
	} `json:"components"`
}

type operation struct {
	ID        string `json:"operationId"`
	Summary   string `json:"summary"`
	Responses map[string]struct {
		Content map[string]struct {
			Schema schema `json:"schema"`
		} `json:"content"`
	} `json:"responses"`
}

func (h *house) document(t *testing.T) document {
	t.Helper()
	a := h.ask(t, http.MethodGet, "/api/v1/openapi.json", "")
	var d document
	if err := json.Unmarshal(a.body, &d); err != nil || a.status != http.StatusOK {
		t.Fatalf("openapi.json: %d %v", a.status, err)
	}
	return d
}

// bodies are requests that every route answers well, in the order to ask in;
// GET routes take none.
var bodies = []struct{ method, path, body string }{
	{"POST", "/fabrics", `{"id":"other","repository":{"url":"https://git.example.net/other.git"},"cluster":{"namespaces":["elsewhere"],"allow_exec":false},"kubeconfig":%q}`},
	{"PATCH", "/fabrics/{fabric}", `{"version":1,"adopt":true}`},
	{"POST", "/fabrics/{fabric}/test", ``},
	{"POST", "/fabrics/{fabric}/plan", `{"save":true}`},
	{"POST", "/fabrics/{fabric}/sync", `{}`},
	{"POST", "/plans/{plan}/apply", ``},
	{"POST", "/runs/{run}/cancel", ``},
	{"DELETE", "/fabrics/{fabric}", ``},
}

// API-01: every route answers as the description says; API-03: with no secret.
func TestEveryRouteAnswersAsDescribed(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.fill(t)
	d := h.document(t)
	asked := map[string]bool{}
	try := func(method, route, body string) {
		op, ok := d.Paths["/api/v1"+route][strings.ToLower(method)]
		if !ok || op.ID == "" || op.Summary == "" {
			t.Fatalf("%s %s is not described", method, route)
		}
		asked[method+" "+route] = true
		h.conforms(t, d, op, method+" "+route, h.ask(t, method, h.path(route), body))
	}
	for route, ops := range d.Paths {
		if _, ok := ops["get"]; ok {
			try("GET", strings.TrimPrefix(route, "/api/v1"), "")
		}
	}
	for _, b := range bodies {
		body := b.body
		if strings.Contains(body, "%q") {
			body = fmt.Sprintf(body, kubetest.Light(t))
		}
		try(b.method, b.path, body)
		h.settle(t)
	}
	for route, ops := range d.Paths {
		for method := range ops {
			if name := strings.ToUpper(method) + " " + strings.TrimPrefix(route, "/api/v1"); !asked[name] {
				t.Errorf("%s is not tried", name)
			}
		}
	}
	if strings.Contains(h.log.String(), canary) {
		t.Errorf("the log shows a secret:\n%s", h.log)
	}
}

// settle waits for the newest run to end.
func (h *house) settle(t *testing.T) {
	t.Helper()
	runs, _, err := h.client.Runs(t.Context(), "", "", 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range runs {
		h.end(t, r.ID)
	}
}

func (h *house) path(route string) string {
	for name, id := range h.ids {
		route = strings.ReplaceAll(route, "{"+name+"}", id)
	}
	return "/api/v1" + route
}

// conforms checks an answer's type and shape; one that is not described is an error.
func (h *house) conforms(t *testing.T, d document, op operation, name string, a answer) {
	t.Helper()
	response, ok := op.Responses[fmt.Sprint(a.status)]
	if !ok {
		response = op.Responses["default"]
	}
	content, ok := response.Content[a.kind]
	if !ok {
		t.Errorf("%s: %d %q is not described", name, a.status, a.kind)
		return
	}
	if a.status >= 500 {
		t.Errorf("%s: %d %s", name, a.status, a.body)
	}
	var v any
	if err := json.Unmarshal(a.body, &v); err != nil {
		t.Errorf("%s: %v", name, err)
		return
	}
	for _, misfit := range d.misfits(content.Schema, v, "") {
		t.Errorf("%s: %s\n%s", name, misfit, a.body)
	}
}

// Every reference of the description resolves, and every parameter of a path is
// declared (OpenAPI 3.1).
func TestDescriptionIsSound(t *testing.T) {
	t.Parallel()
	h := open(t)
	d := h.document(t)
	if !strings.HasPrefix(d.OpenAPI, "3.1") || len(d.Paths) == 0 {
		t.Errorf("openapi %q with %d paths", d.OpenAPI, len(d.Paths))
	}
	raw := h.ask(t, http.MethodGet, "/api/v1/openapi.json", "").body
	var tree map[string]any
	if err := json.Unmarshal(raw, &tree); err != nil {
		t.Fatal(err)
	}
	ids := map[string]string{}
	for route, ops := range d.Paths {
		for method, op := range ops {
			if other, twice := ids[op.ID]; twice {
				t.Errorf("%s of %s and %s", op.ID, other, route)
			}
			ids[op.ID] = route
			described, _ := json.Marshal(tree["paths"].(map[string]any)[route].(map[string]any)[method])
			for _, segment := range strings.Split(route, "/") {
				if name := strings.Trim(segment, "{}"); name != segment && !strings.Contains(string(described), `"in":"path","name":"`+name) {
					t.Errorf("%s %s does not declare %s", method, route, name)
				}
			}
		}
	}
	for _, ref := range references(tree) {
		if _, ok := d.Components.Schemas[strings.TrimPrefix(ref, schemaRoot)]; !ok {
			t.Errorf("%s leads nowhere", ref)
		}
	}
}

func references(v any) []string {
	var found []string
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			if ref, ok := e.(string); ok && k == "$ref" {
				found = append(found, ref)
			}
			found = append(found, references(e)...)
		}
	case []any:
		for _, e := range v {
			found = append(found, references(e)...)
		}
	}
	return found
}

// Whatever is wrong with a request is answered as a problem document, without the
// values that were sent: they may be credentials.
func TestWrongRequestsAreProblemDocuments(t *testing.T) {
	t.Parallel()
	h := open(t)
	for name, c := range map[string]struct {
		method, path, body string
		status             int
		kind               string
	}{
		"no such route":      {"GET", "/api/v1/nothing", "", 404, "missing"},
		"no such fabric":     {"GET", "/api/v1/fabrics/none", "", 404, "missing"},
		"no such run":        {"GET", "/api/v1/runs/none", "", 404, "missing"},
		"no such plan":       {"POST", "/api/v1/plans/none/apply", "", 404, "missing"},
		"wrong method":       {"PUT", "/api/v1/fabrics/lab", "", 405, "invalid"},
		"unknown field":      {"POST", "/api/v1/fabrics", `{"id":"x","repository":{"url":"u"},"pasword":"` + canary + `"}`, 422, "invalid"},
		"unknown inside":     {"POST", "/api/v1/fabrics", `{"id":"x","repository":{"url":"u"},"credential":{"pasword":"` + canary + `"}}`, 422, "invalid"},
		"wrong type":         {"POST", "/api/v1/fabrics", `{"id":"x","repository":{"url":"u"},"kubeconfig":["` + canary + `"]}`, 422, "invalid"},
		"not JSON":           {"POST", "/api/v1/fabrics", `{"kubeconfig": ` + canary, 400, "invalid"},
		"no body":            {"POST", "/api/v1/fabrics", ``, 400, "invalid"},
		"too large":          {"POST", "/api/v1/fabrics", `{"id":"` + strings.Repeat("x", 1<<20) + `"}`, 413, "invalid"},
		"limit of a page":    {"GET", "/api/v1/runs?limit=9999", "", 422, "invalid"},
		"no kubeconfig":      {"POST", "/api/v1/fabrics", `{"id":"x","repository":{"url":"https://git.example.net/x"}}`, 422, "invalid"},
		"broken kubeconfig":  {"POST", "/api/v1/fabrics", `{"id":"x","repository":{"url":"https://git.example.net/x"},"kubeconfig":"users: [` + canary + `"}`, 422, "invalid"},
		"credentials in URL": {"POST", "/api/v1/fabrics", `{"id":"x","repository":{"url":"https://me:` + canary + `@git.example.net/x"},"kubeconfig":` + usable + `}`, 422, "invalid"},
	} {
		t.Run(name, func(t *testing.T) {
			a := h.ask(t, c.method, c.path, c.body)
			var d struct{ Title, Detail, Kind string }
			if err := json.Unmarshal(a.body, &d); err != nil {
				t.Fatalf("%s: %v", a.body, err)
			}
			if a.status != c.status || a.kind != "application/problem+json" || d.Kind != c.kind || d.Title == "" || d.Detail == "" {
				t.Errorf("%d %s %s", a.status, a.kind, a.body)
			}
		})
	}
}

// usable is a kubeconfig as a JSON string.
const usable = `"{apiVersion: v1, kind: Config, current-context: c, contexts: [{name: c, context: {cluster: c, user: u}}], clusters: [{name: c, cluster: {server: 'https://127.0.0.1:1'}}], users: [{name: u, user: {token: x}}]}"`

// The program is the same on PostgreSQL, from an empty data directory on.
func TestPostgreSQLServesAsWell(t *testing.T) {
	t.Parallel()
	h := openAt(t, pgtest.URL(t))
	h.fill(t)
	s, err := h.client.Status(t.Context(), "lab")
	if err != nil || s.Sync != "Synced" || s.Last == nil || s.Last.Status != "completed" {
		t.Errorf("%+v: %v", s, err)
	}
	files, err := os.ReadDir(h.data)
	if err != nil || slices.ContainsFunc(files, func(f fs.DirEntry) bool { return strings.HasSuffix(f.Name(), ".db") }) {
		t.Errorf("%v: %v", files, err)
	}
}

// Secrets are in the data directory only sealed, and never in an answer.
func TestSecretsLieSealed(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.fill(t)
	seen := 0
	err := filepath.WalkDir(h.data, func(file string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		b, err := os.ReadFile(file)
		if bytes.Contains(b, []byte(canary)) || bytes.Contains(b, []byte("client-key-data")) {
			t.Errorf("%s holds a secret", file)
		}
		seen++
		return err
	})
	if err != nil || seen < 3 {
		t.Errorf("%d files: %v", seen, err)
	}
	f, err := h.client.Fabric(t.Context(), "lab")
	if err != nil || !slices.Contains(f.Secrets, "git_password") && len(f.Secrets) < 4 {
		t.Errorf("%v: %v", f.Secrets, err)
	}
}
