package store

import (
	"context"
	"time"

	"github.com/hedgesync/hedgesync/internal/fabric"
)

// Deed is one line of the audit: somebody changed something. Lines are only ever
// added, and hold no secret.
type Deed struct {
	Seq    int64
	At     time.Time
	Who    string
	What   string // "fabric.update"
	Fabric fabric.ID
	Before string // JSON, "" if there was nothing
	After  string
}

// Record adds a line to the audit. The caller has masked Before and After; Seq is
// given by the store.
func (s *Store) Record(ctx context.Context, d Deed) error {
	return s.write(ctx, "record who did what", func(t *txn) error { return t.record(ctx, d) })
}

// Audit returns up to limit lines before the line with number before (0: the
// newest), newest first; of one fabric unless id is "".
func (s *Store) Audit(ctx context.Context, id fabric.ID, before int64, limit int) ([]Deed, error) {
	var deeds []Deed
	err := s.read(ctx, "read the audit", func(t *txn) error {
		return t.query(ctx, `select seq, at, who, what, fabric_id, before, after from audit
			where ($1 = '' or fabric_id = $1) and (cast($2 as bigint) = 0 or seq < cast($2 as bigint)) order by seq desc limit cast($3 as bigint)`,
			[]any{string(id), before, limit}, func(row scanner) error {
				var d Deed
				err := row.Scan(&d.Seq, clock{&d.At}, &d.Who, &d.What, &d.Fabric, &d.Before, &d.After)
				deeds = append(deeds, d)
				return err
			})
	})
	return deeds, err
}

func (t *txn) record(ctx context.Context, d Deed) error {
	_, err := t.exec(ctx, "insert into audit (at, who, what, fabric_id, before, after) values ($1, $2, $3, $4, $5, $6)",
		nanos(d.At), plain(d.Who), plain(d.What), string(d.Fabric), plain(d.Before), plain(d.After))
	return err
}

// auditFabric records a change of settings; sealed names the secrets that were
// given anew, whose values stay out of it.
func (t *txn) auditFabric(ctx context.Context, who, what string, now time.Time, before, after Fabric, sealed []SecretName) error {
	d := Deed{At: now, Who: who, What: what, Fabric: before.ID}
	if after.ID != "" {
		d.Fabric = after.ID
	}
	var err error
	if d.Before, err = shown(before, nil); err != nil {
		return err
	}
	if d.After, err = shown(after, sealed); err != nil {
		return err
	}
	return t.record(ctx, d)
}

func shown(f Fabric, sealed []SecretName) (string, error) {
	if f.ID == "" {
		return "", nil
	}
	return encode(struct {
		settingsDoc
		Secrets []SecretName `json:"secrets,omitempty"`
		Sealed  []SecretName `json:"secretsReplaced,omitempty"`
	}{settingsToDoc(f.Settings), f.Secrets, sealed})
}
