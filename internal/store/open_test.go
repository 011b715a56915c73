package store

import (
	"context"
	"database/sql"
	"encoding/hex"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/hedgesync/hedgesync/internal/fabric"
	"github.com/hedgesync/hedgesync/internal/fault"
	"github.com/hedgesync/hedgesync/internal/plan"
	"github.com/hedgesync/hedgesync/internal/saga"
)

// made returns a closed data directory with a fabric in it.
func made(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "data")
	s := got(Open(t.Context(), dir, Options{}))(t)
	addFabric(t, s, "a")
	must(t, s.Close())
	return dir
}

// bytesOf returns the content of every file that holds data.
func bytesOf(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, f := range got(os.ReadDir(dir))(t) {
		if !strings.HasSuffix(f.Name(), "-shm") {
			all[f.Name()] = string(got(os.ReadFile(filepath.Join(dir, f.Name())))(t))
		}
	}
	return all
}

func TestRefusedDatabaseIsLeftAsItIs(t *testing.T) {
	t.Parallel()
	execute := func(t *testing.T, file string, statements ...string) {
		t.Helper()
		db := got(sql.Open("sqlite", file))(t)
		for _, q := range statements {
			_, err := db.ExecContext(t.Context(), q)
			must(t, err)
		}
		must(t, db.Close())
	}
	patch := func(t *testing.T, file string, at int64, with string) {
		t.Helper()
		f := got(os.OpenFile(file, os.O_RDWR, 0))(t)
		_, err := f.WriteAt([]byte(with), at)
		must(t, err)
		must(t, f.Close())
	}
	cases := map[string]struct {
		harm func(t *testing.T, file string)
		code string
	}{
		"newer": {func(t *testing.T, f string) {
			execute(t, f, "insert into schema_version (version_id, is_applied) values (900, 1)")
		}, "store.newer"},
		"foreign":     {func(t *testing.T, f string) { execute(t, f, "pragma application_id = 7") }, "store.foreign"},
		"no header":   {func(t *testing.T, f string) { patch(t, f, 0, "not a database..") }, "store.damaged"},
		"broken page": {func(t *testing.T, f string) { patch(t, f, 3*4096, strings.Repeat("\xfe", 4096)) }, "store.damaged"},
		"broken root": {func(t *testing.T, f string) { patch(t, f, 100, strings.Repeat("\xfe", 200)) }, "store.damaged"},
		"cut off":     {func(t *testing.T, f string) { must(t, os.Truncate(f, 5*4096+100)) }, "store.damaged"},
		"a text file": {func(t *testing.T, f string) { must(t, os.WriteFile(f, []byte("dear diary"), 0o600)) }, "store.damaged"},
		"index broken": {func(t *testing.T, f string) {
			execute(t, f, "pragma writable_schema = on", "delete from sqlite_master where name = 'run_live'")
		}, "store.damaged"},
		"emptied beside its log": {func(t *testing.T, f string) {
			must(t, os.WriteFile(f+"-wal", []byte("something"), 0o600))
			must(t, os.Truncate(f, 0))
		}, "store.damaged"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := made(t)
			c.harm(t, filepath.Join(dir, databaseFile))
			before := bytesOf(t, dir)
			for range 2 {
				_, err := Open(t.Context(), dir, Options{})
				wantFault(t, err, fault.Invalid, c.code)
				if fault.HintOf(err) == "" {
					t.Errorf("%v has no hint", err)
				}
			}
			same(t, "files", bytesOf(t, dir), before)
		})
	}
}

func TestNewerPostgresIsLeftAsItIs(t *testing.T) {
	t.Parallel()
	location, o := databases["postgres"](t)
	s := reopen(t, location, o)
	_, err := s.db.ExecContext(t.Context(), "insert into schema_version (version_id, is_applied) values (900, true)")
	must(t, err)
	_, err = Open(t.Context(), location, o)
	wantFault(t, err, fault.Invalid, "store.newer")
}

func TestDataSurvivesReopening(t *testing.T) {
	t.Parallel()
	for name, make := range databases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			location, o := make(t)
			s := got(Open(t.Context(), location, o))(t)
			addFabric(t, s, "a")
			must(t, s.Close())
			full := got(reopen(t, location, o).Settings(t.Context(), "a"))(t)
			same(t, "secret", full.Cluster.Kubeconfig.Reveal(), "canary-kube")
		})
	}
}

func TestEveryOlderSchemaIsBroughtUpToDate(t *testing.T) {
	t.Parallel()
	for name, make := range databases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			versions := 0
			for v := 1; v == 1 || v < versions; v++ {
				location, o := make(t)
				s := got(Open(t.Context(), location, o))(t)
				versions = rebuildAt(t, s, v)
				insertOldFabric(t, s)
				must(t, s.Close())
				newer := reopen(t, location, o)
				same(t, "fabric of an old schema", got(newer.Fabric(t.Context(), "old"))(t).Mode, fabric.Enforce)
				startRun(t, newer, "r1", "old")
				must(t, newer.PutCheck(t.Context(), "old", plan.Check{At: t0}))
			}
		})
	}
}

// rebuildAt drops the schema and makes it anew as it was at version v.
func rebuildAt(t *testing.T, s *Store, v int) (versions int) {
	t.Helper()
	for _, q := range dropAll(t, s) {
		_, err := s.db.ExecContext(t.Context(), q)
		must(t, err)
	}
	p := got(provider(s.db, s.dialect))(t)
	_, err := p.UpTo(t.Context(), int64(v))
	must(t, err)
	return len(p.ListSources())
}

func dropAll(t *testing.T, s *Store) []string {
	t.Helper()
	if s.dialect == &postgres {
		return []string{"drop schema public cascade", "create schema public"}
	}
	var drops []string
	must(t, s.read(t.Context(), "list tables", func(tx *txn) error {
		return tx.query(t.Context(), "select name from sqlite_master where type = 'table' and name not like 'sqlite_%' order by rowid desc", nil, func(row scanner) error {
			var name string
			err := row.Scan(&name)
			drops = append(drops, "drop table "+name)
			return err
		})
	}))
	return drops
}

func insertOldFabric(t *testing.T, s *Store) {
	t.Helper()
	_, err := s.db.ExecContext(t.Context(), `insert into fabric (id, version, repo, branch, directory, settings, created_at, updated_at)
		values ('old', 1, '', '', '', '{"mode":"enforce"}', 0, 0)`)
	must(t, err)
}

func TestManyProcessesOpenANewDatabaseAtOnce(t *testing.T) {
	t.Parallel()
	for name, make := range databases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			location, o := make(t)
			stores, errs := [6]*Store{}, [6]error{}
			var wg sync.WaitGroup
			for i := range stores {
				wg.Go(func() { stores[i], errs[i] = Open(t.Context(), location, o) })
			}
			wg.Wait()
			for i, s := range stores {
				must(t, errs[i])
				addFabric(t, s, fabric.ID(fmt.Sprint("f", i)))
			}
			for _, s := range stores {
				if n := len(got(s.Fabrics(t.Context()))(t)); n != len(stores) {
					t.Errorf("%d fabrics, want %d", n, len(stores))
				}
				got(s.Settings(t.Context(), "f0"))(t)
				must(t, s.Close())
			}
		})
	}
}

func TestOpenStopsWaitingWithItsContext(t *testing.T) {
	t.Parallel()
	dir := made(t)
	unlock := got(lockDirectory(t.Context(), dir))(t)
	defer unlock()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Open(ctx, dir, Options{}); err == nil {
		t.Error("two migrators at a time")
	}
}

func TestMakerThatDiedLeavesADirectoryThatOpens(t *testing.T) {
	t.Parallel()
	cases := map[string]func(t *testing.T, dir string){
		"empty directory": func(t *testing.T, dir string) {},
		"empty file":      func(t *testing.T, dir string) { must(t, os.WriteFile(filepath.Join(dir, databaseFile), nil, 0o600)) },
		"no table yet": func(t *testing.T, dir string) {
			db := got(sql.Open("sqlite", filepath.Join(dir, databaseFile)))(t)
			_, err := db.ExecContext(t.Context(), "pragma journal_mode = wal")
			must(t, err)
			must(t, db.Close())
		},
		"key without database": func(t *testing.T, dir string) { got(makeKeyfile(filepath.Join(dir, keyFile)))(t) },
	}
	for name, prepare := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "data %41?#")
			must(t, os.Mkdir(dir, 0o700))
			prepare(t, dir)
			addFabric(t, reopen(t, dir, Options{}), "a")
		})
	}
}

func TestOnlyTheOwnerCanReadTheData(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "deep", "data")
	must(t, os.MkdirAll(dir, 0o755)) // an empty directory is taken over
	s := reopen(t, dir, Options{})
	addFabric(t, s, "a")
	modes := map[string]os.FileMode{".": got(os.Stat(dir))(t).Mode().Perm()}
	for _, f := range got(os.ReadDir(dir))(t) {
		modes[f.Name()] = got(f.Info())(t).Mode().Perm()
	}
	want := map[string]os.FileMode{".": 0o700, databaseFile: 0o600, databaseFile + "-wal": 0o600, databaseFile + "-shm": 0o600, lockFile: 0o600, keyFile: 0o600}
	same(t, "modes", modes, want)
}

func TestDirectoryOfOthersIsNotTakenOver(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	must(t, os.Chmod(dir, 0o755))
	must(t, os.WriteFile(filepath.Join(dir, "letter"), nil, 0o644))
	_, err := Open(t.Context(), dir, Options{})
	wantFault(t, err, fault.Denied, "store.open_directory")
	same(t, "mode", got(os.Stat(dir))(t).Mode().Perm(), 0o755)
}

func TestUnreachableDatabaseIsUnavailable(t *testing.T) {
	t.Parallel()
	_, err := Open(t.Context(), "postgres://nobody:canary@/nothing?host="+t.TempDir(), Options{Keyfile: filepath.Join(t.TempDir(), "key")})
	wantFault(t, err, fault.Unavailable, "store.unreachable")
	_, err2 := Open(t.Context(), "postgres://nobody:canary@host:port/nothing", Options{})
	wantFault(t, err2, fault.Invalid, "store.address")
	if strings.Contains(err.Error()+err2.Error(), "canary") {
		t.Errorf("a password is shown: %v, %v", err, err2)
	}
}

func TestLostConnectionIsUnavailableAndHealsItself(t *testing.T) {
	t.Parallel()
	location, o := databases["postgres"](t)
	s := reopen(t, location, o)
	err := s.write(t.Context(), "write", func(tx *txn) error {
		_, err := tx.exec(t.Context(), "select pg_terminate_backend(pg_backend_pid())")
		return err
	})
	wantFault(t, err, fault.Unavailable, "store.unreachable")
	must(t, s.Ping(t.Context()))
	addFabric(t, s, "a")
}

func TestCommitThatWasNotAnsweredIsUnknown(t *testing.T) {
	t.Parallel()
	location, o := databases["postgres"](t)
	s := reopen(t, location, o)
	err := s.write(t.Context(), "write", func(tx *txn) error {
		var pid int
		if err := tx.QueryRowContext(t.Context(), "select pg_backend_pid()").Scan(&pid); err != nil {
			return err
		}
		_, err := s.db.ExecContext(t.Context(), "select pg_terminate_backend($1, 10000)", pid)
		return err
	})
	wantFault(t, err, fault.Unknown, "store.commit")
}

func TestWrongKeyIsRefusedAtOnce(t *testing.T) {
	t.Parallel()
	for name, make := range databases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			location, o := make(t)
			s := got(Open(t.Context(), location, o))(t)
			file := s.keyfile
			addFabric(t, s, "a")
			must(t, s.Close())
			right := got(os.ReadFile(file))(t)

			must(t, os.WriteFile(file, []byte(hex.EncodeToString(NewKey())), 0o600))
			_, err := Open(t.Context(), location, o)
			wantFault(t, err, fault.Invalid, "store.key")
			must(t, os.WriteFile(file, []byte("short"), 0o600))
			_, err = Open(t.Context(), location, o)
			wantFault(t, err, fault.Invalid, "store.key")
			must(t, os.Remove(file))
			_, err = Open(t.Context(), location, o)
			wantFault(t, err, fault.Missing, "store.key")
			if _, err := os.Stat(file); err == nil {
				t.Error("a new key was made that opens nothing")
			}
			must(t, os.WriteFile(file, right, 0o644))
			_, err = Open(t.Context(), location, o)
			wantFault(t, err, fault.Denied, "store.key")
			must(t, os.Chmod(file, 0o600))
			got(reopen(t, location, o).Settings(t.Context(), "a"))(t)
		})
	}
}

func TestRotationChangesTheKeyOfEverySecret(t *testing.T) {
	t.Parallel()
	for name, make := range databases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			location, o := make(t)
			s, other := reopen(t, location, o), reopen(t, location, o)
			addFabric(t, s, "a")
			addFabric(t, s, "b")
			old := got(os.ReadFile(s.keyfile))(t)
			wantFault(t, s.Rotate(t.Context(), []byte("short")), fault.Invalid, "store.key")
			must(t, s.Rotate(t.Context(), NewKey()))
			for _, id := range []fabric.ID{"a", "b"} {
				same(t, "secret", got(s.Settings(t.Context(), id))(t).Cluster.Kubeconfig.Reveal(), "canary-kube")
			}
			addFabric(t, s, "c")
			_, err := other.Settings(t.Context(), "a")
			wantFault(t, err, fault.Invalid, "store.key")
			_, err = other.CreateFabric(t.Context(), settings("d"), "ada", t0)
			wantFault(t, err, fault.Invalid, "store.key")
			got(reopen(t, location, o).Settings(t.Context(), "c"))(t)

			// Killed between the commit and the rename: the new key waits beside the old one.
			must(t, os.Rename(s.keyfile, s.keyfile+pending))
			must(t, os.WriteFile(s.keyfile, old, 0o600))
			got(reopen(t, location, o).Settings(t.Context(), "c"))(t)
			// Killed before the commit: a key that sealed nothing waits.
			must(t, writeKeyfile(s.keyfile, NewKey()))
			got(reopen(t, location, o).Settings(t.Context(), "c"))(t)
		})
	}
}

// The words of the code and the constraints of both databases are the same.
func TestConstraintsHoldTheCodesVocabulary(t *testing.T) {
	t.Parallel()
	words := map[string][]string{
		"run.status":     text(saga.Statuses),
		"step.status":    text(saga.StepStatuses),
		"step.dir":       text([]saga.Direction{saga.Do, saga.Undo}),
		"change.action":  text([]plan.Action{plan.None, plan.Create, plan.Update, plan.Replace, plan.Delete, plan.Adopt, plan.Forget, plan.Hold, plan.Extra}),
		"finding.action": text([]plan.Action{plan.Create, plan.Update, plan.Replace, plan.Delete, plan.Adopt, plan.Forget, plan.Hold, plan.Extra}),
		"change.result":  text([]plan.Result{"", plan.Applied, plan.Unchanged, plan.Refused, plan.FailedTry, plan.Unseen}),
		"change.undone":  text([]plan.UndoState{plan.NotUndone, plan.Undone, plan.UndoLeft}),
		"side.side":      text(SideNames),
		"secret.name":    text(SecretNames),
	}
	for _, d := range []*dialect{&sqlite, &postgres} {
		same(t, d.name, constraints(t, d), words)
	}
	var live []string
	for _, s := range saga.Statuses {
		if s.Live() {
			live = append(live, "'"+string(s)+"'")
		}
	}
	same(t, "live statuses", runIsLive, "status in ("+strings.Join(live, ", ")+")")
}

func text[T ~string](words []T) []string {
	var all []string
	for _, w := range words {
		all = append(all, string(w))
	}
	slices.Sort(all)
	return all
}

// constraints reads every "column text not null check (column in (...))" of a dialect's migrations.
func constraints(t *testing.T, d *dialect) map[string][]string {
	t.Helper()
	table := regexp.MustCompile(`(?s)create table (\w+) \((.*?)\n\)`)
	column := regexp.MustCompile(`(?m)^    (\w+) text not null check \((\w+) in \((.*)\)\)`)
	all := map[string][]string{}
	files := got(d.migrations())(t)
	names, err := filepath.Glob("migrations/" + d.name + "/*.sql")
	must(t, err)
	for _, name := range names {
		b := got(os.ReadFile(name))(t)
		if _, err := files.Open(filepath.Base(name)); err != nil {
			t.Errorf("%s is not embedded: %v", name, err)
		}
		for _, tb := range table.FindAllStringSubmatch(string(b), -1) {
			for _, c := range column.FindAllStringSubmatch(tb[2], -1) {
				words := strings.Split(strings.ReplaceAll(c[3], "'", ""), ", ")
				slices.Sort(words)
				all[tb[1]+"."+c[1]] = words
			}
		}
	}
	if len(all) == 0 {
		t.Fatal("no constraint found: ", slices.Sorted(maps.Keys(all)))
	}
	return all
}

func TestWordOutsideTheVocabularyIsRefused(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		addFabric(t, s, "a")
		startRun(t, s, "r1", "a")
		for _, q := range []string{"update run set status = 'done'", "update secret set name = 'other'"} {
			if _, err := s.db.ExecContext(t.Context(), q); err == nil {
				t.Errorf("%q was accepted", q)
			}
		}
	})
}
