package gitrepo

import (
	"context"
	"time"

	"github.com/hedgesync/hedgesync/internal/fabric"
	"github.com/hedgesync/hedgesync/internal/fault"
)

// StageReport is how one stage of a Probe went.
type StageReport struct {
	Stage    Stage
	State    State
	Duration time.Duration // of reached stages
	Err      error         // of a failed stage: a *fault.Error with its hint
}

// Report is what a Probe found.
type Report struct {
	URL             string        // normalised
	Stages          []StageReport // in order; those that apply to the URL
	Commit          Commit        // zero unless the transfer stage is OK
	HostKeyExpected []string      // SSH: fingerprints that known_hosts hold for the host
	HostKeySeen     string        // SSH: fingerprint the host showed; "" if it came not so far
	Err             error         // of the failed stage, or nil
}

// Probe does what a run needs of the repository, from name resolution to the
// fabric's directory, and says how each stage went. It fetches into the cache.
func (c *Cache) Probe(ctx context.Context, repo fabric.Repository) Report {
	v, ctx, err := c.visit(ctx, repo)
	if err != nil {
		return Report{Err: fault.Wrap("test repository", err)}
	}
	defer v.close()
	r := Report{URL: v.addr.String()}
	r.Commit, err = v.fetch(ctx)
	if err == nil {
		v.trail.reach(StagePath)
		_, err = c.Files(ctx, repo, r.Commit.ID, repo.Path)
	}
	err = v.explain(ctx, err)
	v.trail.finish(err)
	r.Stages, r.Err = v.trail.report(), fault.Wrap("test repository", err)
	if v.keys != nil {
		r.HostKeyExpected, r.HostKeySeen = v.keys.expected, v.keys.seen
	}
	return r
}
