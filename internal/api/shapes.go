package api

import (
	"time"

	"github.com/hedgesync/hedgesync/internal/plan"
)

// The shapes of /api/v1. Times are RFC 3339; a time that is not known is left out.

// Fabric is one fabric's configuration. Credentials are never in an answer:
// Secrets names those that are set.
type Fabric struct {
	ID         string     `json:"id" doc:"Name of the fabric, a DNS label" example:"lab"`
	Version    int64      `json:"version" doc:"Raised by every edit"`
	Repository Repository `json:"repository"`
	Cluster    Cluster    `json:"cluster"`
	Policy
	Created time.Time `json:"created"`
	Updated time.Time `json:"updated"`
	Secrets []string  `json:"secrets" doc:"Names of the credentials that are set"`
}

// Repository says where a fabric's wanted state is written.
type Repository struct {
	URL    string `json:"url" example:"https://git.example.net/net/fabrics.git"`
	Branch string `json:"branch,omitempty" doc:"Empty is the remote's default branch"`
	Path   string `json:"path,omitempty" doc:"Directory in the repository; empty is its root"`
}

// Cluster says where a fabric's Kubernetes API is.
type Cluster struct {
	Context    string   `json:"context,omitempty" doc:"Context of the kubeconfig; empty is the current one"`
	Namespaces []string `json:"namespaces"`
	AllowExec  bool     `json:"allow_exec" doc:"Whether exec credential plugins of the kubeconfig may run"`
}

// Policy says what may be done to a fabric.
type Policy struct {
	Mode             string   `json:"mode" enum:"observe,enforce" doc:"observe compares and never writes"`
	OnFailure        string   `json:"on_failure" enum:"rollback,keep"`
	Strategy         string   `json:"strategy" enum:"manual,git-wins" doc:"Who wins when Git and the cluster both changed"`
	Adopt            bool     `json:"adopt" doc:"Overwrite objects that exist, differ and were never ours"`
	Prune            bool     `json:"prune" doc:"Delete what we applied and Git no longer names"`
	Kinds            []string `json:"kinds,omitempty" doc:"Kinds to manage; empty is all of the user's"`
	MaxDeletes       int      `json:"max_deletes" minimum:"1"`
	MaxDeletePercent int      `json:"max_delete_percent" minimum:"1" maximum:"100"`
	BatchSize        int      `json:"batch_size" minimum:"10" maximum:"200"`
}

// NewFabric is a fabric to add, with its credentials.
type NewFabric struct {
	ID         string      `json:"id" doc:"Name of the fabric, a DNS label" example:"lab"`
	Repository Repository  `json:"repository"`
	Cluster    Cluster     `json:"cluster,omitempty"`
	Policy     *Policy     `json:"policy,omitempty"`
	Credential *Credential `json:"credential,omitempty" writeOnly:"true"`
	Kubeconfig string      `json:"kubeconfig,omitempty" writeOnly:"true" doc:"Content of the kubeconfig file, with its certificates inline"`
}

// Credential authenticates to a Git remote. It is write-only.
type Credential struct {
	Username   string `json:"username,omitempty"`
	Password   string `json:"password,omitempty" writeOnly:"true" doc:"Password or token"`
	SSHKey     string `json:"ssh_key,omitempty" writeOnly:"true" doc:"PEM private key"`
	SSHKeyPass string `json:"ssh_key_passphrase,omitempty" writeOnly:"true"`
	KnownHosts string `json:"known_hosts,omitempty" doc:"known_hosts lines; required for ssh"`
	CA         string `json:"ca,omitempty" doc:"PEM certificates to trust besides the system's"`
}

// EditFabric changes what it names and leaves the rest.
type EditFabric struct {
	Version          int64           `json:"version" doc:"The version that was read; another one is a conflict"`
	URL              *string         `json:"url,omitempty"`
	Branch           *string         `json:"branch,omitempty"`
	Path             *string         `json:"path,omitempty"`
	Context          *string         `json:"context,omitempty"`
	Namespaces       []string        `json:"namespaces,omitzero"`
	AllowExec        *bool           `json:"allow_exec,omitempty"`
	Mode             *string         `json:"mode,omitempty" enum:"observe,enforce"`
	OnFailure        *string         `json:"on_failure,omitempty" enum:"rollback,keep"`
	Strategy         *string         `json:"strategy,omitempty" enum:"manual,git-wins"`
	Adopt            *bool           `json:"adopt,omitempty"`
	Prune            *bool           `json:"prune,omitempty"`
	Kinds            []string        `json:"kinds,omitzero" doc:"An empty list is all of the user's"`
	MaxDeletes       *int            `json:"max_deletes,omitempty" minimum:"1"`
	MaxDeletePercent *int            `json:"max_delete_percent,omitempty" minimum:"1" maximum:"100"`
	BatchSize        *int            `json:"batch_size,omitempty" minimum:"10" maximum:"200"`
	Credential       *EditCredential `json:"credential,omitempty" writeOnly:"true"`
	Kubeconfig       *string         `json:"kubeconfig,omitempty" writeOnly:"true"`
}

// EditCredential changes what it names of a Credential; a secret that it leaves
// empty stays as it is.
type EditCredential struct {
	Username   *string `json:"username,omitempty"`
	Password   string  `json:"password,omitempty" writeOnly:"true"`
	SSHKey     string  `json:"ssh_key,omitempty" writeOnly:"true"`
	SSHKeyPass string  `json:"ssh_key_passphrase,omitempty" writeOnly:"true"`
	KnownHosts *string `json:"known_hosts,omitempty"`
	CA         *string `json:"ca,omitempty"`
}

// Problem is one thing wrong with what Git wants.
type Problem struct {
	Severity string `json:"severity" enum:"error,warning,note"`
	Rule     string `json:"rule"`
	File     string `json:"file"`
	Line     int    `json:"line,omitempty"`
	Column   int    `json:"column,omitempty"`
	Object   string `json:"object,omitempty" example:"Switch/default/leaf-01"`
	Pointer  string `json:"pointer,omitempty" doc:"JSON pointer of the value in the object"`
	Message  string `json:"message"`
	Hint     string `json:"hint,omitempty"`
}

// PlanRequest asks for a comparison.
type PlanRequest struct {
	Rev  string `json:"rev,omitempty" doc:"Commit, tag or branch; empty is the head of the fabric's branch"`
	Save bool   `json:"save,omitempty" doc:"Keep the plan, to be applied exactly as it is"`
}

// Comparison is what a sync would do, and on what that stands.
type Comparison struct {
	ID       string        `json:"id,omitempty" doc:"Of the saved plan"`
	Fabric   string        `json:"fabric"`
	Commit   Commit        `json:"commit"`
	AsOf     time.Time     `json:"as_of" doc:"When reading the cluster began"`
	Plan     plan.Document `json:"plan"`
	Problems []Problem     `json:"problems"`
}

// Commit is what Git wants.
type Commit struct {
	ID      string    `json:"id"`
	Branch  string    `json:"branch,omitempty"`
	Author  string    `json:"author,omitempty"`
	When    time.Time `json:"when,omitzero"`
	Subject string    `json:"subject,omitempty"`
	Rewound bool      `json:"rewound,omitempty" doc:"The branch was moved to a commit that does not descend from the last one seen"`
}

// SyncRequest asks for a run.
type SyncRequest struct {
	Rev          string `json:"rev,omitempty" doc:"Commit, tag or branch; empty is the head of the fabric's branch"`
	AllowDeletes int    `json:"allow_deletes,omitempty" minimum:"0" doc:"Lifts the delete guard of this run to so many deletes"`
}

// Run is one execution of one plan.
type Run struct {
	ID          string    `json:"id"`
	Fabric      string    `json:"fabric"`
	Kind        string    `json:"kind"`
	Status      string    `json:"status"`
	Reason      string    `json:"reason"`
	RequestedBy string    `json:"requested_by"`
	Commit      string    `json:"commit,omitempty"`
	Plan        string    `json:"plan,omitempty" doc:"The saved plan it applies"`
	Progress    Progress  `json:"progress"`
	Failure     *Failure  `json:"failure,omitempty"`
	Created     time.Time `json:"created"`
	Started     time.Time `json:"started,omitzero"`
	Ended       time.Time `json:"ended,omitzero"`
	Live        bool      `json:"live" doc:"Whether it still has work to do"`
	Worked      bool      `json:"worked" doc:"Whether a worker holds it now"`
	Cancelling  bool      `json:"cancelling,omitempty"`
}

// Progress is how far a run has come.
type Progress struct {
	Batch   int `json:"batch"`
	Batches int `json:"batches"`
	Done    int `json:"done"`
	Total   int `json:"total"`
	Percent int `json:"percent"`
}

// Failure is why a run did not complete.
type Failure struct {
	Kind    string `json:"kind"`
	Code    string `json:"code,omitempty"`
	Step    string `json:"step,omitempty"`
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"`
}

// RunDetail is a run with its steps and its changes.
type RunDetail struct {
	Run
	Steps   []Step   `json:"steps"`
	Changes []Change `json:"changes"`
}

// Step is one line of a run's log.
type Step struct {
	Seq     int       `json:"seq"`
	Name    string    `json:"name"`
	Dir     string    `json:"direction" enum:"do,undo"`
	Status  string    `json:"status"`
	Try     int       `json:"try"`
	Started time.Time `json:"started"`
	Done    time.Time `json:"done,omitzero"`
	Failure *Failure  `json:"failure,omitempty"`
}

// Change is one change of a run and what became of it.
type Change struct {
	Seq     int    `json:"seq"`
	Batch   int    `json:"batch,omitempty"`
	Object  string `json:"object"`
	Action  string `json:"action"`
	Cause   string `json:"cause"`
	Would   string `json:"would,omitempty"`
	Reason  string `json:"reason,omitempty"`
	Result  string `json:"result,omitempty" doc:"Empty: not sent"`
	Error   string `json:"error,omitempty"`
	Hint    string `json:"hint,omitempty"`
	Undone  string `json:"undone,omitempty"`
	Residue string `json:"residue,omitempty" doc:"Why it could not be taken back"`
}

// Status is what is said of one fabric, and on what that stands.
type Status struct {
	Fabric  string    `json:"fabric"`
	Mode    string    `json:"mode"`
	Sync    string    `json:"sync" enum:"Synced,OutOfSync,Unknown"`
	Phase   string    `json:"phase"`
	Reason  string    `json:"reason"`
	AsOf    time.Time `json:"as_of,omitzero" doc:"When the evidence was read; left out: never"`
	Expires time.Time `json:"expires_at,omitzero"`
	Commit  string    `json:"commit,omitempty"`
	Counts  Counts    `json:"counts"`
	Live    *Run      `json:"live_run,omitempty"`
	Last    *Run      `json:"last_run,omitempty"`
	Unread  []Unread  `json:"unread,omitempty"`
}

// Counts are the last comparison in numbers.
type Counts struct {
	Add     int `json:"add"`
	Change  int `json:"change"`
	Destroy int `json:"destroy"`
	Held    int `json:"held"`
	Extra   int `json:"extra"`
	Same    int `json:"same"`
}

// Unread is a kind that could not be compared.
type Unread struct {
	Kind   string `json:"kind"`
	State  string `json:"state"`
	Reason string `json:"reason"`
}

// Test is what a connection test found, stage by stage.
type Test struct {
	Fabric string  `json:"fabric"`
	OK     bool    `json:"ok"`
	Stages []Stage `json:"stages"`
}

// Stage is one thing that was tested.
type Stage struct {
	Name   string `json:"name"`
	State  string `json:"state" enum:"ok,failed,not reached,warning"`
	Detail string `json:"detail,omitempty"`
	Hint   string `json:"hint,omitempty"`
	Millis int64  `json:"millis"`
}
