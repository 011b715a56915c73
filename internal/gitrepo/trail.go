package gitrepo

import (
	"context"
	"crypto/tls"
	"net/http/httptrace"
	"slices"
	"sync"
	"time"
)

// Stage is one thing that must work before a commit can be read.
type Stage string

// The stages, in order. HTTP has no HostKey; SSH and plain HTTP have no TLS; a
// local path begins with Repository.
const (
	StageDNS        Stage = "dns"        // the host's name has an address
	StageTCP        Stage = "tcp"        // the host answers on the port
	StageTLS        Stage = "tls"        // the certificate is trusted
	StageHostKey    Stage = "hostkey"    // the SSH host key is the known one
	StageAuth       Stage = "auth"       // the credentials are accepted
	StageRepository Stage = "repository" // the repository answers in Git's protocol
	StageRef        Stage = "ref"        // the branch, tag or commit exists
	StageTransfer   Stage = "transfer"   // its objects arrived and are complete
	StagePath       Stage = "path"       // the directory exists in the commit
)

var stagesOf = map[string][]Stage{
	"https": {StageDNS, StageTCP, StageTLS, StageAuth, StageRepository, StageRef, StageTransfer, StagePath},
	"http":  {StageDNS, StageTCP, StageAuth, StageRepository, StageRef, StageTransfer, StagePath},
	"ssh":   {StageDNS, StageTCP, StageHostKey, StageAuth, StageRepository, StageRef, StageTransfer, StagePath},
	"file":  {StageRepository, StageRef, StageTransfer, StagePath},
}

// State is how a stage ended.
type State string

// The states. "" (the zero value) is NotReached.
const (
	NotReached State = ""
	OK         State = "ok"
	Failed     State = "failed"
)

// trail records how far a fetch got, and ends it when a stage takes too long.
type trail struct {
	limits Timeouts
	cancel context.CancelCauseFunc

	mu     sync.Mutex // guards what follows: dialers report from their own goroutines
	stages []StageReport
	at     int // index of the stage under way
	began  time.Time
	timer  *time.Timer
}

// errSlow is the cause of a context that a stage's deadline ended.
type errSlow struct {
	stage Stage
	limit time.Duration
}

func (e *errSlow) Error() string { return "no answer within " + e.limit.String() }

// newTrail returns a trail at the first stage of scheme and a context that ends
// with it; call close when done.
func newTrail(ctx context.Context, scheme string, limits Timeouts) (*trail, context.Context) {
	t := &trail{limits: limits, began: time.Now()}
	for _, s := range stagesOf[scheme] {
		t.stages = append(t.stages, StageReport{Stage: s})
	}
	ctx, t.cancel = context.WithCancelCause(ctx)
	t.progress()
	return t, httptrace.WithClientTrace(ctx, t.network())
}

func (t *trail) close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.timer.Stop()
	t.cancel(nil)
}

// reach says that everything before stage works and stage is under way. Stages
// already passed stay as they are.
func (t *trail) reach(stage Stage) {
	t.mu.Lock()
	defer t.mu.Unlock()
	to := slices.IndexFunc(t.stages, func(s StageReport) bool { return s.Stage == stage })
	if to <= t.at {
		return
	}
	now := time.Now()
	t.stages[t.at].Duration = now.Sub(t.began)
	for i := range t.stages[:to] {
		t.stages[i].State = OK
	}
	t.at, t.began = to, now
	t.arm()
}

// progress says that bytes are flowing: the stage's deadline starts anew.
func (t *trail) progress() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.arm()
}

func (t *trail) arm() {
	limit := t.limits.of(t.stages[t.at].Stage)
	if t.timer == nil {
		t.timer = time.AfterFunc(limit, t.expire)
		return
	}
	t.timer.Reset(limit)
}

func (t *trail) expire() {
	stage := t.stage()
	t.cancel(&errSlow{stage: stage, limit: t.limits.of(stage)})
}

// finish ends the stage under way, with err or well.
func (t *trail) finish(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := &t.stages[t.at]
	s.Duration = time.Since(t.began)
	s.State = OK
	if err != nil {
		s.State, s.Err = Failed, err
	}
}

func (t *trail) stage() Stage {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.stages[t.at].Stage
}

func (t *trail) report() []StageReport {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.stages)
}

// network turns what the standard dialers report into stages.
func (t *trail) network() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		ConnectStart:      func(string, string) { t.reach(StageTCP) },
		TLSHandshakeStart: func() { t.reach(StageTLS) },
		TLSHandshakeDone: func(_ tls.ConnectionState, err error) {
			if err == nil {
				t.reach(StageAuth)
			}
		},
		GotConn: func(httptrace.GotConnInfo) { t.reach(StageAuth) },
	}
}
