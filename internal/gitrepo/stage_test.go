package gitrepo

import (
	"bufio"
	"context"
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"

	"github.com/hedgesync/hedgesync/internal/fabric"
	"github.com/hedgesync/hedgesync/internal/fault"
	"github.com/hedgesync/hedgesync/internal/gittest"
)

// canary is in every credential the tests send; no error may hold it.
const canary = "canary-c0ffee"

var quick = Options{Timeouts: Timeouts{Connect: 300 * time.Millisecond, Answer: 300 * time.Millisecond, Transfer: 300 * time.Millisecond}}

// failure is a remote that fails at a known stage.
type failure struct {
	repo  fabric.Repository
	kind  fault.Kind
	code  string
	says  string // part of the message
	hints string // part of the hint
	last  Stage  // the stage a probe fails at; "" if it never starts
}

func TestAFailedFetchNamesTheStageAndTheNextMoveAndNoSecret(t *testing.T) {
	t.Parallel()
	origin := gittest.NewRepo(t)
	origin.Commit(t, map[string]string{"lab/a": strings.Repeat("text\n", 1000), "b/c": "1"}, "one")
	for name, f := range failures(t, origin) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := openCache(t, quick)
			_, err := c.Fetch(t.Context(), f.repo)
			if f.last != StagePath {
				wantFault(t, err, f.kind, f.code)
				check(t, f, err)
			}
			report := c.Probe(t.Context(), f.repo)
			wantFault(t, report.Err, f.kind, f.code)
			check(t, f, report.Err)
			if got := failedStage(t, report); got != f.last {
				t.Errorf("failed at %q, want %q", got, f.last)
			}
		})
	}
}

func check(t *testing.T, f failure, err error) {
	t.Helper()
	hint := fault.HintOf(err)
	if !strings.Contains(err.Error(), f.says) || !strings.Contains(hint, f.hints) {
		t.Errorf("got  %v\nhint %s\nwant %q and %q", err, hint, f.says, f.hints)
	}
	if all := fmt.Sprintf("%v %+v %#v %s", err, err, err, hint); strings.Contains(all, canary) || strings.Contains(all, "PRIVATE KEY") {
		t.Errorf("a secret is in %s", all)
	}
}

// failedStage returns the stage that failed, having checked the order of the others.
func failedStage(t *testing.T, r Report) (failed Stage) {
	t.Helper()
	for _, s := range r.Stages {
		switch {
		case failed != "" && s.State != NotReached:
			t.Errorf("%s is %q after %s failed", s.Stage, s.State, failed)
		case failed == "" && s.State == NotReached:
			t.Errorf("%s was not reached and nothing before it failed", s.Stage)
		case s.State == Failed:
			failed = s.Stage
		}
	}
	return failed
}

func failures(t *testing.T, origin *gittest.Repo) map[string]failure {
	t.Helper()
	good := fabric.Credential{Username: "ci", Password: fabric.NewSecret(canary)}
	wrong := fabric.Credential{Username: "ci", Password: fabric.NewSecret(canary + "-wrong")}
	serve := func(f gittest.Fault) string {
		s := gittest.Serve(t, origin, gittest.Options{Username: "ci", Password: canary})
		s.Fail(f)
		return s.URL
	}
	https := gittest.Serve(t, origin, gittest.Options{Username: "ci", Password: canary, TLS: true})
	other := gittest.Serve(t, origin, gittest.Options{})
	moved := gittest.Serve(t, origin, gittest.Options{})
	moved.RedirectTo(other.URL)
	healthy := serve("")
	withCA := func(ca string) fabric.Credential { c := good; c.CA = ca; return c }
	all := map[string]failure{
		"unknown name": {fabric.Repository{URL: "https://" + strings.Repeat("x", 64) + ".invalid/x"}, fault.Missing, "git.dns", "does not exist", "name servers", StageDNS},
		"closed port":  {fabric.Repository{URL: "https://" + closedPort(t) + "/x", Credential: good}, fault.Unavailable, "git.tcp", "refused", "port", StageTCP},
		"closed port, ssh": {fabric.Repository{URL: "ssh://" + closedPort(t) + "/x", Credential: fabric.Credential{}},
			fault.Unavailable, "git.tcp", "refused", "port", StageTCP},
		"foreign authority":   {fabric.Repository{URL: https.URL, Credential: good}, fault.Denied, "git.tls", "does not trust", "CA", StageTLS},
		"certificate's name":  {fabric.Repository{URL: strings.Replace(https.URL, "127.0.0.1", "localhost", 1), Credential: withCA(https.CA)}, fault.Denied, "git.tls", "another name", "certificate", StageTLS},
		"no TLS there":        {fabric.Repository{URL: strings.Replace(healthy, "http:", "https:", 1), Credential: good}, fault.Invalid, "git.tls", "does not speak TLS", "port", StageTLS},
		"silent TLS":          {fabric.Repository{URL: "https://" + silent(t) + "/x", Credential: good}, fault.Unavailable, "git.tls", "no answer for 300ms", "slow", StageTLS},
		"wrong password":      {fabric.Repository{URL: healthy, Credential: wrong}, fault.Denied, "git.auth", "refuses the credentials", "token or password", StageAuth},
		"no password":         {fabric.Repository{URL: healthy}, fault.Denied, "git.auth", "none are set", "set a token", StageAuth},
		"no such repository":  {fabric.Repository{URL: healthy + "x", Credential: good}, fault.Missing, "git.repository", "has no repository", "path", StageRepository},
		"silent server":       {fabric.Repository{URL: serve(gittest.Hang), Credential: good}, fault.Unavailable, "git.auth", "no answer for 300ms", "slow", StageAuth},
		"broken server":       {fabric.Repository{URL: serve(gittest.Broken), Credential: good}, fault.Unavailable, "git.protocol", "500", "tried again", StageAuth},
		"garbage":             {fabric.Repository{URL: serve(gittest.Garbage), Credential: good}, fault.Unavailable, "git.protocol", "broke Git's protocol", "Git repository", StageRepository},
		"web page":            {fabric.Repository{URL: serve(gittest.WebPage), Credential: good}, fault.Invalid, "git.protocol", "text/html", "web page", StageRepository},
		"redirect elsewhere":  {fabric.Repository{URL: moved.URL, Credential: good}, fault.Invalid, "git.protocol", "credentials are not sent there", "set the repository URL", StageAuth},
		"cut pack":            {fabric.Repository{URL: serve(gittest.Truncate), Credential: good}, fault.Unavailable, "git.protocol", "cut or altered", "tried again", StageTransfer},
		"altered pack":        {fabric.Repository{URL: serve(gittest.Flip), Credential: good}, fault.Unavailable, "git.protocol", "stage transfer", "tried again", StageTransfer},
		"stalled pack":        {fabric.Repository{URL: serve(gittest.Stall), Credential: good}, fault.Unavailable, "git.protocol", "no answer for 300ms", "slow", StageTransfer},
		"no such branch":      {fabric.Repository{URL: healthy, Credential: good, Branch: "nope"}, fault.Missing, "git.ref", `"nope"`, "main", StageRef},
		"no such directory":   {fabric.Repository{URL: healthy, Credential: good, Path: "lab/x"}, fault.Missing, "git.path", `"lab/x"`, "lab exists", StagePath},
		"path out of it":      {fabric.Repository{URL: healthy, Credential: good, Path: "../x"}, fault.Invalid, "git.path", `"../x"`, "relative", StagePath},
		"credential in URL":   {fabric.Repository{URL: "https://ci:" + canary + "@host/x"}, fault.Invalid, "git.url", "holds a credential", "password of the repository", ""},
		"token in URL":        {fabric.Repository{URL: "https://" + canary + "@host/x"}, fault.Invalid, "git.url", "holds a credential", "password of the repository", ""},
		"credential in clear": {fabric.Repository{URL: "http://git.example.com/x", Credential: good}, fault.Invalid, "git.url", "in the clear", "https", StageDNS},
		"plain http":          {fabric.Repository{URL: "http://git.example.com/x"}, fault.Invalid, "git.url", "without encryption", "https", StageDNS},
		"broken CA":           {fabric.Repository{URL: https.URL, Credential: withCA(canary)}, fault.Invalid, "git.tls", "no certificate", "PEM", StageDNS},
		"no such local path":  {fabric.Repository{URL: filepath.Join(t.TempDir(), "x")}, fault.Missing, "git.repository", "does not exist", "path", StageRepository},
		"local, not Git":      {fabric.Repository{URL: t.TempDir()}, fault.Missing, "git.repository", "not a Git repository", ".git", StageRepository},
	}
	addSSHFailures(t, origin, all)
	return all
}

func addSSHFailures(t *testing.T, origin *gittest.Repo, all map[string]failure) {
	t.Helper()
	s := gittest.ServeSSH(t, origin)
	good := fabric.Credential{SSHKey: fabric.NewSecret(s.ClientKey), KnownHosts: s.KnownHosts}
	with := func(change func(*fabric.Credential)) fabric.Repository {
		c := good
		change(&c)
		return fabric.Repository{URL: s.URL, Credential: c}
	}
	stranger, strangerKey := gittest.ClientKey(t, "")
	locked, _ := gittest.ClientKey(t, canary)
	addr := strings.TrimSuffix(strings.TrimPrefix(s.URL, "ssh://git@"), "/fabrics/lab.git")
	otherKey := knownhosts.Line([]string{addr}, strangerKey)
	all["no known hosts"] = failure{with(func(c *fabric.Credential) { c.KnownHosts = "" }), fault.Denied, "git.hostkey", s.Fingerprint, "ssh-keyscan -p", StageHostKey}
	all["unknown host"] = failure{with(func(c *fabric.Credential) { c.KnownHosts = strings.Replace(otherKey, "127.0.0.1", "127.0.0.9", 1) }), fault.Denied, "git.hostkey", s.Fingerprint, "ssh-keyscan -p", StageHostKey}
	all["changed host key"] = failure{with(func(c *fabric.Credential) { c.KnownHosts = otherKey }), fault.Denied, "git.hostkey", "expected " + ssh.FingerprintSHA256(strangerKey), "operator", StageHostKey}
	all["revoked host key"] = failure{with(func(c *fabric.Credential) { c.KnownHosts = "@revoked " + c.KnownHosts }), fault.Denied, "git.hostkey", "revoked", "do not connect", StageHostKey}
	all["unreadable known hosts"] = failure{with(func(c *fabric.Credential) { c.KnownHosts = canary }), fault.Invalid, "git.hostkey", "cannot be read", "ssh-keyscan", ""}
	all["foreign key"] = failure{with(func(c *fabric.Credential) { c.SSHKey = fabric.NewSecret(stranger) }), fault.Denied, "git.auth", "refuses the key", "deploy key", StageAuth}
	all["no key"] = failure{with(func(c *fabric.Credential) { c.SSHKey = fabric.Secret{} }), fault.Denied, "git.auth", "none is set", "deploy key", StageAuth}
	all["locked key"] = failure{with(func(c *fabric.Credential) { c.SSHKey = fabric.NewSecret(locked) }), fault.Invalid, "git.auth", "needs a passphrase", "passphrase", StageDNS}
	all["wrong passphrase"] = failure{with(func(c *fabric.Credential) {
		c.SSHKey, c.SSHKeyPass = fabric.NewSecret(locked), fabric.NewSecret(canary+"-wrong")
	}), fault.Invalid, "git.auth", "does not open", "passphrase", StageDNS}
	all["not a key"] = failure{with(func(c *fabric.Credential) { c.SSHKey = fabric.NewSecret(canary) }), fault.Invalid, "git.auth", "cannot be read", "PEM", StageDNS}
	gone := with(func(*fabric.Credential) {})
	gone.URL = strings.Replace(gone.URL, "lab.git", "gone.git", 1)
	all["no such repository, ssh"] = failure{gone, fault.Missing, "git.repository", "Repository not found", "path", StageRepository}
	all["silent ssh"] = failure{fabric.Repository{URL: "ssh://git@" + silent(t) + "/x", Credential: good}, fault.Unavailable, "git.hostkey", "no answer for 300ms", "slow", StageHostKey}
	all["no ssh there"] = failure{fabric.Repository{URL: "ssh://git@" + strings.TrimPrefix(httptestServer(t), "http://") + "/x", Credential: good}, fault.Unavailable, "git.hostkey", "broke", "SSH server", StageHostKey}
}

func closedPort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// silent accepts connections and says nothing.
func silent(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var conns []net.Conn
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			conns = append(conns, conn)
		}
	}()
	t.Cleanup(func() {
		_ = l.Close()
		<-done
		for _, c := range conns {
			_ = c.Close()
		}
	})
	return l.Addr().String()
}

func httptestServer(t *testing.T) string {
	t.Helper()
	s := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(s.Close)
	return s.URL
}

func TestProbeOfAGoodRepositoryPassesEveryStage(t *testing.T) {
	t.Parallel()
	origin := gittest.NewRepo(t)
	id := origin.Commit(t, map[string]string{"lab/a": "1"}, "one")
	for name, repo := range remotes(t, origin) {
		repo.Path = "lab"
		r := openCache(t, Options{}).Probe(t.Context(), repo)
		if r.Err != nil || r.Commit.ID != id || failedStage(t, r) != "" || len(r.Stages) < 4 {
			t.Errorf("%s: %+v", name, r)
		}
		if name == "ssh" && (len(r.HostKeyExpected) != 1 || r.HostKeyExpected[0] != r.HostKeySeen) {
			t.Errorf("host keys: %v, %v", r.HostKeyExpected, r.HostKeySeen)
		}
	}
}

func TestEncryptedKeyOpensWithItsPassphrase(t *testing.T) {
	t.Parallel()
	locked, _ := gittest.ClientKey(t, "sesame")
	methods, err := sshAuth(fabric.Credential{SSHKey: fabric.NewSecret(locked), SSHKeyPass: fabric.NewSecret("sesame")})
	if err != nil || len(methods) != 1 {
		t.Errorf("%v %v", methods, err)
	}
}

func TestCredentialsDoNotFollowARedirectToAnotherOrigin(t *testing.T) {
	t.Parallel()
	origin := gittest.NewRepo(t)
	origin.Commit(t, map[string]string{"a": "1"}, "one")
	basic := fabric.Credential{Username: "ci", Password: fabric.NewSecret(canary)}
	plain := gittest.Serve(t, origin, gittest.Options{})
	secure := gittest.Serve(t, origin, gittest.Options{TLS: true})
	for name, from := range map[string]*gittest.Server{
		"to another port":    gittest.Serve(t, origin, gittest.Options{}),
		"from https to http": gittest.Serve(t, origin, gittest.Options{TLS: true}),
	} {
		from.RedirectTo(plain.URL)
		basic.CA = from.CA
		_, err := openCache(t, Options{}).Fetch(t.Context(), fabric.Repository{URL: from.URL, Credential: basic})
		wantFault(t, err, fault.Invalid, "git.protocol")
		if got := plain.Requests(); len(got) != 0 {
			t.Errorf("%s: the other place was asked %v", name, got)
		}
	}
	// Within one origin a redirect is followed, with the credentials.
	secure.RedirectTo(secure.URL)
	basic.CA = secure.CA
	renamed := strings.Replace(secure.URL, "lab.git", "old-name.git", 1)
	fetch(t, openCache(t, Options{}), fabric.Repository{URL: renamed, Credential: basic})
	for _, r := range secure.Requests() {
		if r.Authorization == "" || r.Method == http.MethodPost && !strings.HasPrefix(r.Path, "/fabrics/lab.git/") {
			t.Errorf("got %+v", r)
		}
	}
}

func TestAnswerThatNeverEndsIsCut(t *testing.T) {
	t.Parallel()
	origin := gittest.NewRepo(t)
	origin.Commit(t, map[string]string{"a": "1"}, "one")
	s := gittest.Serve(t, origin, gittest.Options{})
	s.Fail(gittest.Endless)
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	_, err := openCache(t, Options{}).Fetch(ctx, fabric.Repository{URL: s.URL})
	wantFault(t, err, fault.Unavailable, "git.protocol")
	_, err = openCache(t, Options{MaxBytes: 200_000}).Fetch(t.Context(), fabric.Repository{URL: s.URL})
	wantFault(t, err, fault.Invalid, "git.size")
}

func TestCancelledFetchIsUnknownAndLeavesTheCacheUsable(t *testing.T) {
	t.Parallel()
	origin := gittest.NewRepo(t)
	origin.Commit(t, map[string]string{"a": "1"}, "one")
	s := gittest.Serve(t, origin, gittest.Options{})
	c, repo := openCache(t, Options{}), fabric.Repository{URL: s.URL}
	ctx, cancel := context.WithCancel(t.Context())
	s.OnListing(cancel)
	_, err := c.Fetch(ctx, repo)
	if fault.KindOf(err) != fault.Unknown {
		t.Errorf("got %v", err)
	}
	s.OnListing(nil)
	fetch(t, c, repo)
}

func TestFailedFetchLeavesTheLastCommitReadable(t *testing.T) {
	t.Parallel()
	origin := gittest.NewRepo(t)
	first := origin.Commit(t, map[string]string{"a": "1"}, "one")
	s := gittest.Serve(t, origin, gittest.Options{})
	c, repo := openCache(t, quick), fabric.Repository{URL: s.URL}
	fetch(t, c, repo)
	second := origin.Commit(t, map[string]string{"a": "2"}, "two")
	for _, f := range []gittest.Fault{gittest.Truncate, gittest.Flip, gittest.Stall, gittest.Garbage, gittest.Broken} {
		s.Fail(f)
		if got, err := c.Fetch(t.Context(), repo); err == nil {
			t.Fatalf("%s: %+v", f, got)
		}
		if d := cmp.Diff(map[string]string{"a": "1"}, contents(t, c, repo, first, "")); d != "" {
			t.Errorf("%s: -want +got\n%s", f, d)
		}
	}
	s.Fail("")
	if got := fetch(t, c, repo); got.ID != second || got.Previous != first {
		t.Errorf("got %+v", got)
	}
}

// TestServersWordsCannotDriveATerminal sends escape sequences where a server's
// text reaches an error.
func TestServersWordsCannotDriveATerminal(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/x-git-upload-pack-advertisement")
		out := bufio.NewWriter(w)
		text := "ERR \x1b[2Jgone " + canary
		fmt.Fprintf(out, "%04x%s", len(text)+4, text)
		_ = out.Flush()
	}))
	t.Cleanup(s.Close)
	_, err := openCache(t, Options{}).Fetch(t.Context(), fabric.Repository{URL: s.URL + "/x", Credential: fabric.Credential{Password: fabric.NewSecret(canary)}})
	wantFault(t, err, fault.Missing, "git.repository")
	if text := err.Error(); strings.ContainsRune(text, '\x1b') || strings.Contains(text, canary) || !strings.Contains(text, "[secret]") {
		t.Errorf("got %q", text)
	}
}

// TestServersWordsShowNoCredential quotes the request where a server's text reaches
// an error: as it was sent, in clear, and across the place where the text is cut.
func TestServersWordsShowNoCredential(t *testing.T) {
	t.Parallel()
	for _, pad := range []int{0, 170, 180, 190, 195} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, password, _ := r.BasicAuth()
			text := "ERR " + strings.Repeat("x", pad) + password + " " + r.Header.Get("Authorization")
			w.Header().Set("Content-Type", "application/x-git-upload-pack-advertisement")
			fmt.Fprintf(w, "%04x%s", len(text)+4, text)
		}))
		_, err := openCache(t, Options{}).Fetch(t.Context(), fabric.Repository{URL: s.URL + "/x", Credential: fabric.Credential{Username: "ada", Password: fabric.NewSecret(canary)}})
		s.Close()
		sent := base64.StdEncoding.EncodeToString([]byte("ada:" + canary))
		if err == nil || strings.Contains(err.Error(), canary[:4]) || strings.Contains(err.Error(), sent[:8]) {
			t.Errorf("after %d characters: %v", pad, err)
		}
	}
}

func TestUnwritableCacheIsSaidToBeSo(t *testing.T) {
	t.Parallel()
	origin := gittest.NewRepo(t)
	origin.Commit(t, map[string]string{"a": "1"}, "one")
	c := openCache(t, Options{})
	repo := fabric.Repository{URL: origin.Dir}
	a, err := parseAddress(repo.URL)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(c.bare(a).dir, []byte("in the way"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = c.Fetch(t.Context(), repo)
	wantFault(t, err, fault.Unavailable, "git.cache")
}
