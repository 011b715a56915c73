package gitrepo

import (
	"fmt"
	"io/fs"
	"testing"

	"github.com/hedgesync/hedgesync/internal/fabric"
	"github.com/hedgesync/hedgesync/internal/gittest"
)

const benchFiles = 5000

func large(b *testing.B) (*gittest.Server, map[string]string) {
	b.Helper()
	files := map[string]string{}
	for i := range benchFiles {
		files[fmt.Sprintf("lab/d%02d/f%04d.yaml", i%50, i)] = fmt.Sprintf("kind: VPC\nname: vpc-%d\nvlan: %d\n", i, i)
	}
	origin := gittest.NewRepo(b)
	origin.Commit(b, files, "many")
	return gittest.Serve(b, origin, gittest.Options{}), files
}

func BenchmarkFetchUnchanged(b *testing.B) {
	s, _ := large(b)
	c, repo := openCache(b, Options{}), fabric.Repository{URL: s.URL}
	fetch(b, c, repo)
	for b.Loop() {
		if !fetch(b, c, repo).Unchanged {
			b.Fatal("it changed")
		}
	}
}

func BenchmarkClone(b *testing.B) {
	s, _ := large(b)
	for b.Loop() {
		fetch(b, openCache(b, Options{}), fabric.Repository{URL: s.URL})
	}
}

func BenchmarkReadEveryFile(b *testing.B) {
	s, _ := large(b)
	c, repo := openCache(b, Options{}), fabric.Repository{URL: s.URL}
	id := fetch(b, c, repo).ID
	for b.Loop() {
		files, err := c.Files(b.Context(), repo, id, "lab")
		if err != nil {
			b.Fatal(err)
		}
		n := 0
		err = fs.WalkDir(files, ".", func(name string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() {
				return err
			}
			n++
			_, err = fs.ReadFile(files, name)
			return err
		})
		if err != nil || n != benchFiles {
			b.Fatal(n, err)
		}
	}
}
