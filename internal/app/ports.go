package app

import (
	"context"
	"io/fs"
	"time"

	"github.com/hedgesync/hedgesync/internal/fabric"
	"github.com/hedgesync/hedgesync/internal/gitrepo"
	"github.com/hedgesync/hedgesync/internal/kube"
	"github.com/hedgesync/hedgesync/internal/plan"
	"github.com/hedgesync/hedgesync/internal/syncer"
)

// repo makes the Git cache a syncer.Repo.
type repo struct{ cache *gitrepo.Cache }

func (r repo) Fetch(ctx context.Context, at fabric.Repository) (syncer.Commit, error) {
	c, err := r.cache.Fetch(ctx, at)
	return commit(c), err
}

func (r repo) Resolve(ctx context.Context, at fabric.Repository, rev string) (syncer.Commit, error) {
	c, err := r.cache.Resolve(ctx, at, rev)
	return commit(c), err
}

func (r repo) Files(ctx context.Context, at fabric.Repository, id string) (fs.FS, error) {
	return r.cache.Files(ctx, at, id, at.Path)
}

func commit(c gitrepo.Commit) syncer.Commit {
	return syncer.Commit{ID: c.ID, Branch: c.Branch, Author: c.Author, When: c.When, Subject: c.Subject, Rewound: c.Rewound}
}

// cluster makes a Kubernetes client a syncer.Cluster for one fabric.
type cluster struct {
	client   *kube.Client
	settings fabric.Settings
}

func connect(s fabric.Settings, o kube.Options) (syncer.Cluster, error) {
	c, err := kube.New(s.Cluster, o)
	if err != nil {
		return nil, err
	}
	return cluster{c, s}, nil
}

// patience is how long a write is tried again while what it needs is not there
// yet or the controller restarts; it ends before the batch's own limit.
const patience = 20 * time.Second

func (c cluster) Observe(ctx context.Context, r syncer.Reading) (*fabric.Snapshot, error) {
	return c.client.Observe(ctx, r.Kinds, kube.ObserveOptions{
		Namespaces: c.settings.Cluster.Namespaces, MetadataOnly: r.Light, Known: r.Known, Versions: versions(),
	})
}

func (c cluster) Predictor(ctx context.Context, kinds []fabric.Kind) (plan.Predictor, error) {
	schemas, err := c.client.Schemas(ctx, kinds)
	if err != nil {
		return nil, err
	}
	return func(have *fabric.Resource, want fabric.Resource) (fabric.Resource, error) {
		p, err := schemas.Predict(have, want, kube.Manager, true)
		if err == nil {
			err = p.Reason
		}
		return p.Object, err
	}, nil
}

func (c cluster) Attribute(live map[string]any, pointer string) (string, time.Time) {
	return kube.Attribution(live, pointer)
}

func (c cluster) Apply(ctx context.Context, changes []plan.Change, done func(int, plan.Outcome)) []plan.Outcome {
	return c.client.Apply(ctx, changes, kube.ApplyOptions{Patience: patience, Progress: done})
}

func (c cluster) Read(ctx context.Context, keys []fabric.Key) (map[fabric.Key]fabric.Resource, error) {
	return c.client.Read(ctx, keys)
}
