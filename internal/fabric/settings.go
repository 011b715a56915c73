package fabric

import (
	"path"
	"slices"
	"strings"
	"time"

	"github.com/hedgesync/hedgesync/internal/fault"
)

// Mode says whether this program may write to a fabric's cluster.
type Mode string

// The modes. Observe, the default, reads and compares and never writes.
const (
	Observe Mode = "observe"
	Enforce Mode = "enforce"
)

// OnFailure says what happens to a run's applied batches when a later one fails.
type OnFailure string

// Rollback, the default, restores what is still as the run left it; Keep leaves it.
const (
	Rollback OnFailure = "rollback"
	Keep     OnFailure = "keep"
)

// Strategy says who wins when Git and cluster both changed an object.
type Strategy string

// Manual, the default, holds the object for a person; GitWins overwrites the cluster.
const (
	Manual  Strategy = "manual"
	GitWins Strategy = "git-wins"
)

// Repository says where a fabric's wanted state is written.
type Repository struct {
	URL    string // https://, http:// (loopback or explicitly allowed), ssh://, scp-like, or an absolute local path
	Branch string // "" is the remote's default branch
	Path   string // directory in the repository, slash separated, no "..", "" is the root
	// Credential is write-only: it never leaves the store in an answer.
	Credential Credential
}

// Credential is how to authenticate to a Git remote. The zero value is anonymous.
type Credential struct {
	Username   string
	Password   Secret // basic password, or a token (Username may then be empty)
	SSHKey     Secret // PEM private key
	SSHKeyPass Secret // its passphrase
	KnownHosts string // known_hosts lines; ssh is refused without a matching one
	CA         string // PEM certificates to trust besides the system's
}

// Cluster says how to reach a fabric's Kubernetes API.
type Cluster struct {
	Kubeconfig Secret // the file's content
	Context    string // context to use; "" is the current one
	Namespaces []string
	AllowExec  bool // allow exec credential plugins of the kubeconfig
}

// Settings are one fabric's configuration, as its operator wrote it.
type Settings struct {
	ID         ID
	Repository Repository
	Cluster    Cluster

	Mode      Mode
	OnFailure OnFailure
	Strategy  Strategy
	Adopt     bool   // take over objects that exist, differ, and were never ours
	Prune     bool   // delete what we applied and Git no longer names
	Kinds     []Kind // kinds to manage; empty is all user kinds

	MaxDeletes       int // more deletes than this in one plan hold the run; 0 is DefaultMaxDeletes
	MaxDeletePercent int // share of our recorded objects, 1-100; 0 is DefaultMaxDeletePercent
	BatchSize        int // objects per batch, 10-200; 0 is DefaultBatchSize

	Created time.Time
	Updated time.Time
}

// Defaults of the guards and of batching.
const (
	DefaultMaxDeletes       = 10
	DefaultMaxDeletePercent = 20
	DefaultBatchSize        = 50
)

// WithDefaults fills what the operator left open.
func (s Settings) WithDefaults() Settings {
	orElse(&s.Mode, Observe)
	orElse(&s.OnFailure, Rollback)
	orElse(&s.Strategy, Manual)
	orElse(&s.MaxDeletes, DefaultMaxDeletes)
	orElse(&s.MaxDeletePercent, DefaultMaxDeletePercent)
	orElse(&s.BatchSize, DefaultBatchSize)
	if len(s.Cluster.Namespaces) == 0 {
		s.Cluster.Namespaces = []string{"default"}
	}
	s.Repository.Path = strings.Trim(path.Clean("/"+s.Repository.Path), "/")
	return s
}

func orElse[T comparable](v *T, fallback T) {
	var zero T
	if *v == zero {
		*v = fallback
	}
}

// Check returns an Invalid error naming the first field that cannot be right.
func (s Settings) Check() error {
	if err := s.ID.Check(); err != nil {
		return err
	}
	if slices.Contains(strings.Split(s.Repository.Path, "/"), "..") {
		return invalid("repository.path", "%q leaves the repository", s.Repository.Path)
	}
	if !oneOf(s.Mode, Observe, Enforce) {
		return invalid("mode", "%q is not one of observe, enforce", s.Mode)
	}
	if !oneOf(s.OnFailure, Rollback, Keep) {
		return invalid("on_failure", "%q is not one of rollback, keep", s.OnFailure)
	}
	if !oneOf(s.Strategy, Manual, GitWins) {
		return invalid("strategy", "%q is not one of manual, git-wins", s.Strategy)
	}
	if s.MaxDeletes < 1 {
		return invalid("max_deletes", "%d is not positive", s.MaxDeletes)
	}
	if s.MaxDeletePercent < 1 || s.MaxDeletePercent > 100 {
		return invalid("max_delete_percent", "%d is not between 1 and 100", s.MaxDeletePercent)
	}
	if s.BatchSize < 10 || s.BatchSize > 200 {
		return invalid("batch_size", "%d is not between 10 and 200", s.BatchSize)
	}
	return nil
}

func oneOf[T comparable](v T, allowed ...T) bool { return slices.Contains(allowed, v) }

func invalid(field, format string, args ...any) error {
	e := fault.New(fault.Invalid, "fabric."+field, format, args...)
	e.Op = field
	return e
}
