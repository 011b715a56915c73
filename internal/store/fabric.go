package store

import (
	"context"
	"slices"
	"time"

	"github.com/hedgesync/hedgesync/internal/fabric"
	"github.com/hedgesync/hedgesync/internal/fault"
)

// Fabric is a fabric's configuration as it may be shown: without its secrets.
type Fabric struct {
	fabric.Settings
	Version int64        // counts changes; Update names the one it was made from
	Secrets []SecretName // those that are set, in order
}

// settingsDoc is the stored shape of fabric.Settings, which has no secret in it.
type settingsDoc struct {
	URL              string           `json:"url,omitempty"`
	Branch           string           `json:"branch,omitempty"`
	Path             string           `json:"path,omitempty"`
	Username         string           `json:"username,omitempty"`
	KnownHosts       string           `json:"knownHosts,omitempty"`
	CA               string           `json:"ca,omitempty"`
	Context          string           `json:"context,omitempty"`
	Namespaces       []string         `json:"namespaces,omitempty"`
	AllowExec        bool             `json:"allowExec,omitempty"`
	Mode             fabric.Mode      `json:"mode,omitempty"`
	OnFailure        fabric.OnFailure `json:"onFailure,omitempty"`
	Strategy         fabric.Strategy  `json:"strategy,omitempty"`
	Adopt            bool             `json:"adopt,omitempty"`
	Prune            bool             `json:"prune,omitempty"`
	Kinds            []fabric.Kind    `json:"kinds,omitempty"`
	MaxDeletes       int              `json:"maxDeletes,omitempty"`
	MaxDeletePercent int              `json:"maxDeletePercent,omitempty"`
	BatchSize        int              `json:"batchSize,omitempty"`
}

func settingsToDoc(s fabric.Settings) settingsDoc {
	r, c := s.Repository, s.Cluster
	return settingsDoc{
		URL: r.URL, Branch: r.Branch, Path: r.Path,
		Username: r.Credential.Username, KnownHosts: r.Credential.KnownHosts, CA: r.Credential.CA,
		Context: c.Context, Namespaces: c.Namespaces, AllowExec: c.AllowExec,
		Mode: s.Mode, OnFailure: s.OnFailure, Strategy: s.Strategy, Adopt: s.Adopt, Prune: s.Prune, Kinds: s.Kinds,
		MaxDeletes: s.MaxDeletes, MaxDeletePercent: s.MaxDeletePercent, BatchSize: s.BatchSize,
	}
}

func (d settingsDoc) settings(id fabric.ID) fabric.Settings {
	return fabric.Settings{
		ID: id,
		Repository: fabric.Repository{URL: d.URL, Branch: d.Branch, Path: d.Path,
			Credential: fabric.Credential{Username: d.Username, KnownHosts: d.KnownHosts, CA: d.CA}},
		Cluster: fabric.Cluster{Context: d.Context, Namespaces: d.Namespaces, AllowExec: d.AllowExec},
		Mode:    d.Mode, OnFailure: d.OnFailure, Strategy: d.Strategy, Adopt: d.Adopt, Prune: d.Prune, Kinds: d.Kinds,
		MaxDeletes: d.MaxDeletes, MaxDeletePercent: d.MaxDeletePercent, BatchSize: d.BatchSize,
	}
}

// CreateFabric stores a new fabric with the secrets it carries, and who made it.
// Open fields are filled with their defaults. It returns Conflict if the name is
// taken or the directory overlaps another fabric's.
func (s *Store) CreateFabric(ctx context.Context, f fabric.Settings, who string, now time.Time) (Fabric, error) {
	f = f.WithDefaults()
	f.Created, f.Updated = now.UTC(), now.UTC()
	if err := f.Check(); err != nil {
		return Fabric{}, err
	}
	var made Fabric
	err := s.write(ctx, "create fabric "+string(f.ID), func(t *txn) error {
		if err := t.lockFabrics(ctx); err != nil {
			return err
		}
		taken, err := t.exists(ctx, f.ID)
		if err != nil {
			return err
		}
		if taken {
			return fault.New(fault.Conflict, "fabric.exists", "a fabric %s exists already", f.ID).
				WithHint("choose another name, or edit the fabric")
		}
		if err := t.checkPlace(ctx, f); err != nil {
			return err
		}
		doc, err := encode(settingsToDoc(f))
		if err != nil {
			return err
		}
		if _, err := t.exec(ctx, `insert into fabric (id, version, repo, branch, directory, settings, created_at, updated_at)
			values ($1, 1, $2, $3, $4, $5, $6, $7)`, string(f.ID), repository(f.Repository.URL), f.Repository.Branch,
			f.Repository.Path, doc, nanos(f.Created), nanos(f.Updated)); err != nil {
			return err
		}
		if err := t.putSecrets(ctx, s.key.Load(), f); err != nil {
			return err
		}
		if made, err = t.fabric(ctx, f.ID); err != nil {
			return err
		}
		return t.auditFabric(ctx, who, "fabric.create", now, Fabric{}, made, nil)
	})
	return made, err
}

// UpdateFabric replaces a fabric's settings if version is still its current one,
// else it returns Conflict; so it does, naming the run, if one is live and would be
// finished from another place or in another cluster. A secret that f does not carry
// stays as it is unless forget names it, or it belongs to a host that f leaves.
func (s *Store) UpdateFabric(ctx context.Context, f fabric.Settings, version int64, forget []SecretName, who string, now time.Time) (Fabric, error) {
	f = f.WithDefaults()
	if err := f.Check(); err != nil {
		return Fabric{}, err
	}
	var after Fabric
	err := s.write(ctx, "change fabric "+string(f.ID), func(t *txn) error {
		if err := t.lockFabrics(ctx); err != nil {
			return err
		}
		before, err := t.fabric(ctx, f.ID)
		if err != nil {
			return err
		}
		if before.Version != version {
			return fault.New(fault.Conflict, "fabric.changed", "fabric %s was changed by somebody else: version %d, not %d", f.ID, before.Version, version).
				WithHint("read it again and repeat the change")
		}
		if err := t.steady(ctx, before.Settings, f); err != nil {
			return err
		}
		stray, err := t.strayed(ctx, s.key.Load(), before.Settings, f)
		if err != nil {
			return err
		}
		for _, name := range stray {
			*name.slot(&f) = fabric.Secret{}
		}
		if err := t.replace(ctx, f, version, now); err != nil {
			return err
		}
		for _, name := range slices.Concat(forget, stray) {
			if _, err := t.exec(ctx, "delete from secret where fabric_id = $1 and name = $2", string(f.ID), string(name)); err != nil {
				return err
			}
		}
		if err := t.putSecrets(ctx, s.key.Load(), f); err != nil {
			return err
		}
		if after, err = t.fabric(ctx, f.ID); err != nil {
			return err
		}
		return t.auditFabric(ctx, who, "fabric.update", now, before, after, carried(f))
	})
	return after, err
}

// steady refuses to move a fabric under a live run: what was planned from one
// directory, for one cluster, must not be finished from or in another.
func (t *txn) steady(ctx context.Context, before, after fabric.Settings) error {
	r, s := before.Repository, after.Repository
	c, d := before.Cluster, after.Cluster
	if repository(r.URL) == repository(s.URL) && r.Branch == s.Branch && r.Path == s.Path &&
		c.Context == d.Context && slices.Equal(c.Namespaces, d.Namespaces) {
		return nil
	}
	if err := t.lockFabric(ctx, after.ID); err != nil {
		return err
	}
	live, found, err := t.liveRun(ctx, after.ID)
	if err == nil && found {
		return errLive(live)
	}
	return err
}

func (t *txn) replace(ctx context.Context, f fabric.Settings, version int64, now time.Time) error {
	if err := t.checkPlace(ctx, f); err != nil {
		return err
	}
	doc, err := encode(settingsToDoc(f))
	if err != nil {
		return err
	}
	_, err = t.exec(ctx, `update fabric set version = $1, repo = $2, branch = $3, directory = $4, settings = $5, updated_at = $6
		where id = $7`, version+1, repository(f.Repository.URL), f.Repository.Branch, f.Repository.Path, doc, nanos(now), string(f.ID))
	return err
}

// carried names the secrets that settings bring.
func carried(f fabric.Settings) []SecretName {
	return slices.DeleteFunc(slices.Clone(SecretNames), func(n SecretName) bool { return n.slot(&f).IsZero() })
}

// DeleteFabric removes a fabric with all that is known of it; nothing in its
// cluster or repository is touched. It returns Conflict, naming the run, while
// one is live.
func (s *Store) DeleteFabric(ctx context.Context, id fabric.ID, who string, now time.Time) error {
	return s.write(ctx, "delete fabric "+string(id), func(t *txn) error {
		if err := t.lockFabrics(ctx); err != nil {
			return err
		}
		if err := t.lockFabric(ctx, id); err != nil {
			return err
		}
		live, found, err := t.liveRun(ctx, id)
		if err != nil {
			return err
		}
		if found {
			return errLive(live)
		}
		before, err := t.fabric(ctx, id)
		if err != nil {
			return err
		}
		if _, err := t.exec(ctx, "delete from fabric where id = $1", string(id)); err != nil {
			return err
		}
		return t.auditFabric(ctx, who, "fabric.delete", now, before, Fabric{}, nil)
	})
}

// Fabric returns a fabric without its secrets.
func (s *Store) Fabric(ctx context.Context, id fabric.ID) (Fabric, error) {
	var f Fabric
	err := s.read(ctx, "read fabric "+string(id), func(t *txn) (err error) {
		f, err = t.fabric(ctx, id)
		return err
	})
	return f, err
}

// Fabrics returns all fabrics without their secrets, in order of their names.
func (s *Store) Fabrics(ctx context.Context) ([]Fabric, error) {
	var all []Fabric
	err := s.read(ctx, "list fabrics", func(t *txn) error {
		var ids []fabric.ID
		err := t.query(ctx, "select id from fabric", nil, func(row scanner) error {
			var id fabric.ID
			err := row.Scan(&id)
			ids = append(ids, id)
			return err
		})
		slices.Sort(ids)
		for _, id := range ids {
			if err != nil {
				break
			}
			var f Fabric
			f, err = t.fabric(ctx, id)
			all = append(all, f)
		}
		return err
	})
	return all, err
}

// Settings returns a fabric with its secrets. No other method returns them.
func (s *Store) Settings(ctx context.Context, id fabric.ID) (fabric.Settings, error) {
	var f fabric.Settings
	err := s.read(ctx, "read the credentials of fabric "+string(id), func(t *txn) error {
		shown, err := t.fabric(ctx, id)
		if err != nil {
			return err
		}
		f = shown.Settings
		rows, err := t.secrets(ctx, id)
		for _, r := range rows {
			text, err := r.open(s.key.Load())
			if err != nil {
				return err
			}
			*r.name.slot(&f) = fabric.NewSecret(text)
		}
		return err
	})
	if err != nil {
		return fabric.Settings{}, err
	}
	return f, nil
}

func (t *txn) fabric(ctx context.Context, id fabric.ID) (Fabric, error) {
	var f Fabric
	var doc []byte
	var created, updated time.Time
	err := t.QueryRowContext(ctx, "select version, settings, created_at, updated_at from fabric where id = $1", string(id)).
		Scan(&f.Version, &doc, clock{&created}, clock{&updated})
	if err != nil {
		return Fabric{}, missing(err, "fabric.missing", "there is no fabric %s", id)
	}
	var d settingsDoc
	if err := decode(doc, &d); err != nil {
		return Fabric{}, err
	}
	f.Settings = d.settings(id)
	f.Created, f.Updated = created, updated
	rows, err := t.secrets(ctx, id)
	for _, r := range rows {
		f.Secrets = append(f.Secrets, r.name)
	}
	return f, err
}

func (t *txn) exists(ctx context.Context, id fabric.ID) (bool, error) {
	var n int
	err := t.QueryRowContext(ctx, "select count(*) from fabric where id = $1", string(id)).Scan(&n)
	return n > 0, err
}

// lockFabric makes a run that is being created wait for this transaction, or this
// one for it.
func (t *txn) lockFabric(ctx context.Context, id fabric.ID) error {
	var locked string
	err := t.QueryRowContext(ctx, "select id from fabric where id = $1"+t.dialect.forUpdate, string(id)).Scan(&locked)
	return missing(err, "fabric.missing", "there is no fabric %s", id)
}

func (t *txn) lockFabrics(ctx context.Context) error {
	if t.dialect.lockFabrics == "" {
		return nil
	}
	_, err := t.exec(ctx, t.dialect.lockFabrics)
	return err
}
