// Package client calls the REST API. The command line uses nothing else.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"

	"github.com/hedgesync/hedgesync/internal/api"
	"github.com/hedgesync/hedgesync/internal/fault"
)

// Client calls one server. HTTP's transport decides where that is.
type Client struct {
	HTTP *http.Client
	Base string // "http://host:port", without a path
}

// maxAnswer bounds what is read of one answer: a plan of tens of thousands of objects.
const maxAnswer = 1 << 30

// Conflict is returned when a live run is in the way: Run is its id.
type Conflict struct {
	Run string
	err *fault.Error
}

func (c *Conflict) Error() string { return c.err.Error() }

// Unwrap returns the classified error.
func (c *Conflict) Unwrap() error { return c.err }

// call sends in as JSON (nil: no body) and decodes the answer into a new O.
func call[O any](ctx context.Context, c *Client, method, path string, in any) (O, error) {
	var out O
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return out, fault.New(fault.Bug, "client.request", "encode request: %w", err)
		}
		body = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.Base+"/api/v1"+path, body)
	if err != nil {
		return out, fault.New(fault.Invalid, "client.address", "server address: %w", err)
	}
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := c.HTTP.Do(req)
	if err != nil {
		return out, unreached(ctx, err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return out, fault.New(fault.Unknown, "client.answer", "read answer: %w", err)
	}
	if resp.StatusCode >= http.StatusBadRequest {
		return out, refused(resp.StatusCode, b)
	}
	if err := json.Unmarshal(b, &out); err != nil {
		return out, fault.New(fault.Bug, "client.answer", "decode answer of %s %s: %w", method, path, err)
	}
	return out, nil
}

func unreached(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return fault.New(fault.Unavailable, "client.unreachable", "reach the server: %w", err)
}

func refused(status int, body []byte) error {
	var d api.ErrorDoc
	if json.Unmarshal(body, &d) != nil || d.Kind == "" {
		return fault.New(fault.Bug, "client.answer", "the server answered %d without a reason", status)
	}
	text := d.Detail
	for _, e := range d.Errors {
		text += fmt.Sprintf("; %s: %s", e.Location, e.Message)
	}
	err := &fault.Error{Kind: fault.ParseKind(d.Kind), Code: d.Code, Hint: d.Hint, Err: errors.New(text)}
	if d.Run != "" {
		return &Conflict{Run: d.Run, err: err}
	}
	return err
}

func at(parts ...string) string {
	path := ""
	for _, p := range parts {
		path += "/" + url.PathEscape(p)
	}
	return path
}

// Fabrics returns all fabrics.
func (c *Client) Fabrics(ctx context.Context) ([]api.Fabric, error) {
	p, err := call[api.Page[api.Fabric]](ctx, c, http.MethodGet, "/fabrics", nil)
	return p.Items, err
}

// Fabric returns one fabric.
func (c *Client) Fabric(ctx context.Context, id string) (api.Fabric, error) {
	return call[api.Fabric](ctx, c, http.MethodGet, at("fabrics", id), nil)
}

// AddFabric adds one.
func (c *Client) AddFabric(ctx context.Context, f api.NewFabric) (api.Fabric, error) {
	return call[api.Fabric](ctx, c, http.MethodPost, "/fabrics", f)
}

// EditFabric changes what e names.
func (c *Client) EditFabric(ctx context.Context, id string, e api.EditFabric) (api.Fabric, error) {
	return call[api.Fabric](ctx, c, http.MethodPatch, at("fabrics", id), e)
}

// RemoveFabric forgets one.
func (c *Client) RemoveFabric(ctx context.Context, id string) error {
	_, err := call[api.Removed](ctx, c, http.MethodDelete, at("fabrics", id), nil)
	return err
}

// TestFabric tries what a sync needs.
func (c *Client) TestFabric(ctx context.Context, id string) (api.Test, error) {
	return call[api.Test](ctx, c, http.MethodPost, at("fabrics", id, "test"), nil)
}

// Statuses returns what is said of every fabric.
func (c *Client) Statuses(ctx context.Context) ([]api.Status, error) {
	p, err := call[api.Page[api.Status]](ctx, c, http.MethodGet, "/status", nil)
	return p.Items, err
}

// Status returns what is said of one fabric.
func (c *Client) Status(ctx context.Context, id string) (api.Status, error) {
	return call[api.Status](ctx, c, http.MethodGet, at("fabrics", id, "status"), nil)
}

// Compare makes a plan.
func (c *Client) Compare(ctx context.Context, id string, r api.PlanRequest) (api.Comparison, error) {
	return call[api.Comparison](ctx, c, http.MethodPost, at("fabrics", id, "plan"), r)
}

// Plan returns a saved plan.
func (c *Client) Plan(ctx context.Context, id string) (api.Comparison, error) {
	return call[api.Comparison](ctx, c, http.MethodGet, at("plans", id), nil)
}

// Sync starts a run. If another one is in the way the error is a *Conflict.
func (c *Client) Sync(ctx context.Context, id string, r api.SyncRequest) (api.Run, error) {
	return call[api.Run](ctx, c, http.MethodPost, at("fabrics", id, "sync"), r)
}

// Apply starts a run that applies a saved plan.
func (c *Client) Apply(ctx context.Context, planID string) (api.Run, error) {
	return call[api.Run](ctx, c, http.MethodPost, at("plans", planID, "apply"), nil)
}

// Runs returns up to limit runs of a fabric ("" is all), the newest first, older
// than before ("" is none), and what to give as before for the next page.
func (c *Client) Runs(ctx context.Context, id, before string, limit int) ([]api.Run, string, error) {
	q := url.Values{"limit": {strconv.Itoa(limit)}}
	if id != "" {
		q.Set("fabric", id)
	}
	if before != "" {
		q.Set("before", before)
	}
	p, err := call[api.Page[api.Run]](ctx, c, http.MethodGet, "/runs?"+q.Encode(), nil)
	return p.Items, p.Next, err
}

// Run returns one run with its steps and changes.
func (c *Client) Run(ctx context.Context, id string) (api.RunDetail, error) {
	return call[api.RunDetail](ctx, c, http.MethodGet, at("runs", id), nil)
}

// Progress returns how far a run has come.
func (c *Client) Progress(ctx context.Context, id string) (api.Run, error) {
	return call[api.Run](ctx, c, http.MethodGet, at("runs", id, "progress"), nil)
}

// Cancel asks a run to stop at its next safe point.
func (c *Client) Cancel(ctx context.Context, id string) (api.Run, error) {
	return call[api.Run](ctx, c, http.MethodPost, at("runs", id, "cancel"), nil)
}
