package app

import (
	"os"
	"path/filepath"
	"testing"
)

func TestMemoryGivesBackOnlyWhatWasKeptUnderTheKey(t *testing.T) {
	t.Parallel()
	m := memory{filepath.Join(t.TempDir(), "wants")}
	if _, ok := m.Recall("lab", "k"); ok {
		t.Fatal("it remembers what nobody kept")
	}
	m.Keep("lab", "k", []byte("first"))
	m.Keep("lab", "k", []byte("second"))
	if v, ok := m.Recall("lab", "k"); !ok || string(v) != "second" {
		t.Errorf("got %q, %v", v, ok)
	}
	for _, other := range []struct{ name, key string }{{"lab", "other"}, {"hall", "k"}} {
		if v, ok := m.Recall(other.name, other.key); ok {
			t.Errorf("%v gave %q", other, v)
		}
	}
	files, err := os.ReadDir(m.dir)
	if err != nil || len(files) != 1 {
		t.Errorf("%d files, %v", len(files), err)
	}
}

func TestMemoryForgetsWhatWasDamaged(t *testing.T) {
	t.Parallel()
	m := memory{t.TempDir()}
	m.Keep("lab", "k", []byte("value"))
	file := filepath.Join(m.dir, "lab")
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for n := range whole {
		if err := os.WriteFile(file, whole[:n], 0o600); err != nil {
			t.Fatal(err)
		}
		if v, ok := m.Recall("lab", "k"); ok {
			t.Fatalf("%d of %d bytes gave %q", n, len(whole), v)
		}
	}
}
