package store

import (
	"context"

	"github.com/hedgesync/hedgesync/internal/fabric"
	"github.com/hedgesync/hedgesync/internal/fault"
)

// SecretName names one secret of a fabric.
type SecretName string

// The secrets of a fabric.
const (
	Kubeconfig    SecretName = "kubeconfig"
	GitPassword   SecretName = "git.password"
	GitSSHKey     SecretName = "git.ssh_key"
	GitSSHKeyPass SecretName = "git.ssh_key_pass"
)

// SecretNames lists every SecretName, in order.
var SecretNames = []SecretName{GitPassword, GitSSHKey, GitSSHKeyPass, Kubeconfig}

// slot returns where settings hold the named secret.
func (n SecretName) slot(s *fabric.Settings) *fabric.Secret {
	switch n {
	case Kubeconfig:
		return &s.Cluster.Kubeconfig
	case GitPassword:
		return &s.Repository.Credential.Password
	case GitSSHKey:
		return &s.Repository.Credential.SSHKey
	}
	return &s.Repository.Credential.SSHKeyPass
}

type secretRow struct {
	fabric fabric.ID
	name   SecretName
	key    string
	sealed []byte
}

// place is what a sealed secret is bound to.
func place(id fabric.ID, name SecretName, key string) string {
	return "hedgesync secret 1\x00" + string(id) + "\x00" + string(name) + "\x00" + key
}

func (r secretRow) open(k *key) (string, error) {
	if r.key != k.id {
		return "", fault.New(fault.Invalid, "store.key", "secret %s of fabric %s was sealed with key %s, this process holds key %s", r.name, r.fabric, r.key, k.id).
			WithHint("the key was rotated by another process: give this one the new key file and restart it")
	}
	text, err := k.open(place(r.fabric, r.name, r.key), r.sealed)
	return text, fault.Wrap("open "+string(r.name)+" of fabric "+string(r.fabric), err)
}

// secrets returns one fabric's rows, or all with id "".
func (t *txn) secrets(ctx context.Context, id fabric.ID) ([]secretRow, error) {
	var all []secretRow
	err := t.query(ctx, `select fabric_id, name, key_id, sealed from secret
		where $1 = '' or fabric_id = $1 order by fabric_id, name`, []any{string(id)}, func(row scanner) error {
		var r secretRow
		err := row.Scan(&r.fabric, &r.name, &r.key, &r.sealed)
		all = append(all, r)
		return err
	})
	return all, err
}

func (t *txn) putSecret(ctx context.Context, k *key, id fabric.ID, name SecretName, text string) error {
	_, err := t.exec(ctx, `insert into secret (fabric_id, name, key_id, sealed) values ($1, $2, $3, $4)
		on conflict (fabric_id, name) do update set key_id = excluded.key_id, sealed = excluded.sealed`,
		string(id), string(name), k.id, k.seal(place(id, name, k.id), text))
	return err
}

// putSecrets seals the secrets that settings carry, and leaves the others alone.
func (t *txn) putSecrets(ctx context.Context, k *key, s fabric.Settings) error {
	current, err := t.keyID(ctx)
	if err != nil {
		return err
	}
	if current != k.id {
		return fault.New(fault.Invalid, "store.key", "the database is sealed with key %s, this process holds key %s", current, k.id).
			WithHint("the key was rotated by another process: give this one the new key file and restart it")
	}
	for _, name := range SecretNames {
		secret := *name.slot(&s)
		if secret.IsZero() {
			continue
		}
		if err := t.putSecret(ctx, k, s.ID, name, secret.Reveal()); err != nil {
			return err
		}
	}
	return nil
}

// strayed names the secrets that would be sent to another host than the one they
// were given for. A key for ssh is none: it is never sent.
func (t *txn) strayed(ctx context.Context, k *key, before, after fabric.Settings) ([]SecretName, error) {
	if sameHost(before.Repository.URL, after.Repository.URL) {
		return nil, nil
	}
	rows, err := t.secrets(ctx, after.ID)
	if err != nil {
		return nil, err
	}
	var stray []SecretName
	for _, r := range rows {
		if r.name != GitPassword {
			continue
		}
		old, err := r.open(k)
		if err != nil {
			return nil, err
		}
		if given := r.name.slot(&after); given.IsZero() || given.Reveal() == old {
			stray = append(stray, r.name)
		}
	}
	return stray, nil
}
