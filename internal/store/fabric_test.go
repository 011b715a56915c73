package store

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hedgesync/hedgesync/internal/fabric"
	"github.com/hedgesync/hedgesync/internal/fault"
)

func TestFabricComesBackAsItWasWritten(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		in := settings("a")
		in.Created, in.Updated = t0, t0
		made := got(s.CreateFabric(t.Context(), in, "ada", t0))(t)
		same(t, "settings with secrets", got(s.Settings(t.Context(), "a"))(t), in)

		shown := in
		shown.Repository.Credential.Password, shown.Cluster.Kubeconfig = fabric.Secret{}, fabric.Secret{}
		want := Fabric{Settings: shown, Version: 1, Secrets: []SecretName{GitPassword, Kubeconfig}}
		same(t, "created", made, want)
		same(t, "read", got(s.Fabric(t.Context(), "a"))(t), want)
		same(t, "listed", got(s.Fabrics(t.Context()))(t), []Fabric{want})
	})
}

func TestUnknownFabricIsMissing(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		_, err := s.Fabric(t.Context(), "nobody")
		wantFault(t, err, fault.Missing, "fabric.missing")
		_, err = s.Settings(t.Context(), "nobody")
		wantFault(t, err, fault.Missing, "fabric.missing")
		_, err = s.UpdateFabric(t.Context(), settings("nobody"), 1, nil, "ada", t0)
		wantFault(t, err, fault.Missing, "fabric.missing")
		wantFault(t, s.DeleteFabric(t.Context(), "nobody", "ada", t0), fault.Missing, "fabric.missing")
		_, err = s.Create(t.Context(), pendingRun("r1", "nobody"))
		wantFault(t, err, fault.Missing, "fabric.missing")
	})
}

func TestTwoFabricsNeverShareADirectory(t *testing.T) {
	place := func(url, branch, path string) fabric.Settings {
		f := settings("new")
		f.Repository.URL, f.Repository.Branch, f.Repository.Path = url, branch, path
		return f
	}
	cases := map[string]struct {
		f        fabric.Settings
		conflict bool
	}{
		"same place":             {place("https://git.example.net/net/fabrics.git", "main", "fabrics/a"), true},
		"inside":                 {place("https://git.example.net/net/fabrics.git", "main", "fabrics/a/deep"), true},
		"around":                 {place("https://git.example.net/net/fabrics.git", "main", "fabrics"), true},
		"the root":               {place("https://git.example.net/net/fabrics.git", "main", ""), true},
		"unclean path":           {place("https://git.example.net/net/fabrics.git", "main", "/fabrics/./a/"), true},
		"other spelling":         {place("https://bot@GIT.example.net:443/net/fabrics/", "main", "fabrics/a"), true},
		"by ssh":                 {place("git@git.example.net:net/fabrics.git", "main", "fabrics/a"), true},
		"by ssh address":         {place("ssh://git@git.example.net:22/net/fabrics", "main", "fabrics/a"), true},
		"beside":                 {place("https://git.example.net/net/fabrics.git", "main", "fabrics/ab"), false},
		"other branch":           {place("https://git.example.net/net/fabrics.git", "staging", "fabrics/a"), false},
		"other repository":       {place("https://git.example.net/net/lab.git", "main", "fabrics/a"), false},
		"path in another case":   {place("https://git.example.net/Net/fabrics.git", "main", "fabrics/a"), false},
		"no repository at all":   {place("", "", ""), false},
		"a local path":           {place("/srv/git/fabrics.git", "main", "fabrics/a"), false},
		"port of another server": {place("https://git.example.net:8443/net/fabrics.git", "main", "fabrics/a"), false},
	}
	onBoth(t, func(t *testing.T, s *Store) {
		addFabric(t, s, "a")
		addFabric(t, s, "b")
		for name, c := range cases {
			_, err := s.CreateFabric(t.Context(), c.f, "ada", t0)
			if !c.conflict {
				must(t, err)
				must(t, s.DeleteFabric(t.Context(), "new", "ada", t0))
				continue
			}
			if fault.KindOf(err) != fault.Conflict || !strings.Contains(err.Error(), "fabric a") {
				t.Errorf("%s: got %v, want a conflict that names fabric a", name, err)
			}
			moved := c.f
			moved.ID = "b"
			if _, err := s.UpdateFabric(t.Context(), moved, 1, nil, "ada", t0); fault.KindOf(err) != fault.Conflict {
				t.Errorf("%s: moved there, got %v, want a conflict", name, err)
			}
		}
	})
}

func TestNameIsTakenOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		addFabric(t, s, "a")
		again := settings("a")
		again.Repository.Path = "elsewhere"
		_, err := s.CreateFabric(t.Context(), again, "ada", t0)
		wantFault(t, err, fault.Conflict, "fabric.exists")
	})
}

func TestPasswordInAnAddressIsRefused(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		f := settings("a")
		f.Repository.URL = "https://bot:canary@git.example.net/x"
		_, err := s.CreateFabric(t.Context(), f, "ada", t0)
		wantFault(t, err, fault.Invalid, "fabric.repository.url")
		if strings.Contains(err.Error(), "canary") {
			t.Errorf("the error shows the password: %v", err)
		}
	})
}

func TestUpdateFromAnOldVersionIsRefused(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		addFabric(t, s, "a")
		f := settings("a")
		f.Prune = false
		f.Repository.Credential.Password = fabric.Secret{} // stays
		f.Cluster.Kubeconfig = fabric.NewSecret("canary-new")
		second := got(s.UpdateFabric(t.Context(), f, 1, nil, "bob", later(5)))(t)
		if second.Version != 2 || second.Prune || !second.Updated.Equal(later(5)) || !second.Created.Equal(t0) {
			t.Errorf("got %+v", second)
		}
		full := got(s.Settings(t.Context(), "a"))(t)
		if full.Repository.Credential.Password.Reveal() != "canary-git" || full.Cluster.Kubeconfig.Reveal() != "canary-new" {
			t.Error("an update lost a secret, or did not replace one")
		}
		_, err := s.UpdateFabric(t.Context(), f, 1, nil, "bob", later(6))
		wantFault(t, err, fault.Conflict, "fabric.changed")

		f.Cluster.Kubeconfig = fabric.Secret{}
		third := got(s.UpdateFabric(t.Context(), f, 2, []SecretName{GitPassword}, "bob", later(7)))(t)
		same(t, "secrets left", third.Secrets, []SecretName{Kubeconfig})
	})
}

func TestFabricWithALiveRunIsNotMoved(t *testing.T) {
	moves := map[string]func(*fabric.Settings){
		"repository": func(f *fabric.Settings) { f.Repository.URL = "https://git.example.net/net/other.git" },
		"branch":     func(f *fabric.Settings) { f.Repository.Branch = "staging" },
		"directory":  func(f *fabric.Settings) { f.Repository.Path = "elsewhere" },
		"context":    func(f *fabric.Settings) { f.Cluster.Context = "prod" },
		"namespaces": func(f *fabric.Settings) { f.Cluster.Namespaces = []string{"default"} },
	}
	onBoth(t, func(t *testing.T, s *Store) {
		addFabric(t, s, "a")
		fence := startRun(t, s, "r1", "a")
		version := int64(1)
		for name, move := range moves {
			f := settings("a")
			move(&f)
			_, err := s.UpdateFabric(t.Context(), f, version, nil, "ada", t0)
			wantFault(t, err, fault.Conflict, "run.live")
			if !strings.Contains(err.Error(), "r1") {
				t.Errorf("%s: the conflict does not name the run: %v", name, err)
			}
		}
		// What a run may need to end, or a person to stop it, stays open.
		f := settings("a")
		f.Mode, f.OnFailure, f.Prune = fabric.Observe, fabric.Rollback, false
		f.Repository.URL = "https://other@GIT.example.net:443/net/fabrics"
		f.Repository.Credential.Password, f.Cluster.Kubeconfig = fabric.NewSecret("renewed"), fabric.NewSecret("renewed")
		version = got(s.UpdateFabric(t.Context(), f, version, nil, "ada", t0))(t).Version
		endRun(t, s, fence)
		for _, move := range moves {
			f := settings("a")
			move(&f)
			version = got(s.UpdateFabric(t.Context(), f, version, nil, "ada", t0))(t).Version
		}
	})
}

func TestPasswordStaysWithItsHost(t *testing.T) {
	cases := map[string]struct {
		url, password string
		want          string
	}{
		"other path":                  {"https://git.example.net/net/other.git", "", "canary-git"},
		"other spelling":              {"https://GIT.example.net:443/net/fabrics", "", "canary-git"},
		"other host":                  {"https://git.example.org/net/fabrics.git", "", ""},
		"other host, sent along":      {"https://git.example.org/net/fabrics.git", "canary-git", ""},
		"other host, its own":         {"https://git.example.org/net/fabrics.git", "new", "new"},
		"other port":                  {"https://git.example.net:8443/net/fabrics.git", "", ""},
		"no longer encrypted":         {"http://git.example.net/net/fabrics.git", "", ""},
		"a host that looks like ours": {"https://git.example.net@git.example.org/net/fabrics.git", "", ""},
		"a local path":                {"/git.example.net/net/fabrics.git", "", ""},
	}
	onBoth(t, func(t *testing.T, s *Store) {
		for name, c := range cases {
			addFabric(t, s, "a")
			f := settings("a")
			f.Repository.URL, f.Repository.Credential.Password, f.Cluster.Kubeconfig = c.url, fabric.NewSecret(c.password), fabric.Secret{}
			after := got(s.UpdateFabric(t.Context(), f, 1, nil, "ada", t0))(t)
			if has := slices.Contains(after.Secrets, GitPassword); has != (c.want != "") {
				t.Errorf("%s: secrets %v", name, after.Secrets)
			}
			full := got(s.Settings(t.Context(), "a"))(t)
			same(t, name, full.Repository.Credential.Password.Reveal(), c.want)
			same(t, name, full.Cluster.Kubeconfig.Reveal(), "canary-kube")
			must(t, s.DeleteFabric(t.Context(), "a", "ada", t0))
		}
	})
}

func TestFabricWithALiveRunIsNotDeleted(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		addFabric(t, s, "a")
		fence := startRun(t, s, "r1", "a")
		must(t, s.SavePlan(t.Context(), fence, "c0ffee", planOf(3)))
		err := s.DeleteFabric(t.Context(), "a", "ada", t0)
		wantFault(t, err, fault.Conflict, "run.live")
		if !strings.Contains(err.Error(), "r1") {
			t.Errorf("the conflict does not name the run: %v", err)
		}
		endRun(t, s, fence)
		must(t, s.DeleteFabric(t.Context(), "a", "ada", t0))
		_, err = s.Run(t.Context(), "r1")
		wantFault(t, err, fault.Missing, "run.missing")
	})
}

func TestEveryChangeOfAFabricIsAuditedWithoutSecrets(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		addFabric(t, s, "a")
		got(s.UpdateFabric(t.Context(), settings("a"), 1, nil, "bob", later(1)))(t)
		must(t, s.DeleteFabric(t.Context(), "a", "eve", later(2)))
		deeds := got(s.Audit(t.Context(), "a", 0, 10))(t)
		var lines []string
		for _, d := range deeds {
			lines = append(lines, d.Who+" "+d.What)
			if strings.Contains(d.Before+d.After, "canary") {
				t.Errorf("the audit holds a secret: %+v", d)
			}
		}
		same(t, "who did what", lines, []string{"eve fabric.delete", "bob fabric.update", "ada fabric.create"})
		if page := got(s.Audit(t.Context(), "", deeds[0].Seq, 1))(t); len(page) != 1 || page[0].Seq != deeds[1].Seq {
			t.Errorf("second page is %+v", page)
		}
	})
}

func TestAuditCannotBeChanged(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		must(t, s.Record(t.Context(), Deed{At: t0, Who: "ada", What: "token.create\x00\xff"}))
		for _, statement := range []string{"delete from audit", "update audit set who = 'nobody'"} {
			if _, err := s.db.ExecContext(t.Context(), statement); err == nil {
				t.Errorf("%q was accepted", statement)
			}
		}
	})
}

func TestNoSecretIsReadableInTheDatabase(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	s := reopen(t, dir, Options{})
	addFabric(t, s, "a")
	must(t, s.Close())
	files, err := os.ReadDir(dir)
	must(t, err)
	for _, f := range files {
		if content := got(os.ReadFile(filepath.Join(dir, f.Name())))(t); strings.Contains(string(content), "canary") {
			t.Errorf("%s holds a secret in the clear", f.Name())
		}
	}
}

func TestSecretMovedToAnotherRowDoesNotOpen(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		addFabric(t, s, "a")
		addFabric(t, s, "b")
		_, err := s.db.ExecContext(t.Context(), `update secret set sealed = (select sealed from secret where fabric_id = 'b' and name = 'kubeconfig')
			where fabric_id = 'a' and name = 'kubeconfig'`)
		must(t, err)
		_, err = s.Settings(t.Context(), "a")
		wantFault(t, err, fault.Invalid, "store.sealed")
		got(s.Settings(t.Context(), "b"))(t)
	})
}
