package app

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/hedgesync/hedgesync/internal/fabric"
	"github.com/hedgesync/hedgesync/internal/fault"
	"github.com/hedgesync/hedgesync/internal/hedgehog"
	"github.com/hedgesync/hedgesync/internal/manifest"
	"github.com/hedgesync/hedgesync/internal/syncer"
)

// Validation is what checking a directory found.
type Validation struct {
	Objects, Files int
	Counts         map[string]int // objects by kind
	Problems       []fabric.Problem
}

// Validate checks directories of manifests without a cluster, each as a fabric of
// its own. profiles names a file or directory with SwitchProfile objects; "" leaves
// port facts unknown. Places are given as paths from where dirs are.
func Validate(dirs []string, profiles string) (Validation, error) {
	known, problems, err := readProfiles(profiles)
	if err != nil {
		return Validation{}, err
	}
	v := Validation{Counts: map[string]int{}, Problems: placed(profiles, problems)}
	for _, dir := range dirs {
		if err := v.add(dir, known); err != nil {
			return Validation{}, err
		}
	}
	return v, nil
}

// add checks one directory.
func (v *Validation) add(dir string, known hedgehog.Profiles) error {
	root, err := directory(dir)
	if err != nil {
		return err
	}
	set, err := manifest.Read(root, manifest.Options{Source: dir, AsOf: time.Now(), Accept: hedgehog.Accept, Kinds: hedgehog.UserKinds()})
	if err != nil {
		return fault.Wrap("read "+dir, err)
	}
	found := syncer.Locate(set, hedgehog.Validate(set.Snapshot, hedgehog.Context{Profiles: known}))
	v.Problems = append(v.Problems, placed(dir, found)...)
	v.Objects += set.Snapshot.Len()
	v.Files += set.Files
	for k, n := range set.Counts {
		v.Counts[k.Name] += n
	}
	return nil
}

// placed says where problems are as seen from outside the directory, or of the one
// file, that was read.
func placed(name string, ps []fabric.Problem) []fabric.Problem {
	dir := name
	if info, err := os.Stat(name); err == nil && !info.IsDir() {
		dir = filepath.Dir(name)
	}
	for i := range ps {
		if ps[i].Origin.File == "" {
			ps[i].Origin.File = name
			continue
		}
		ps[i].Origin.File = filepath.Join(dir, filepath.FromSlash(ps[i].Origin.File))
	}
	return ps
}

// readProfiles reads switch profiles from a file, or from the files of a directory.
func readProfiles(name string) (hedgehog.Profiles, []fabric.Problem, error) {
	if name == "" {
		p, problems := hedgehog.NewProfiles(slices.Values([]fabric.Resource{}))
		return p, problems, nil
	}
	root, err := directory(name)
	if err != nil {
		return hedgehog.Profiles{}, nil, err
	}
	set, err := manifest.Read(root, manifest.Options{Source: name, AsOf: time.Now(), Kinds: []fabric.Kind{hedgehog.SwitchProfile}})
	if err != nil {
		return hedgehog.Profiles{}, nil, fault.Wrap("read "+name, err)
	}
	if set.Counts[hedgehog.SwitchProfile] == 0 {
		return hedgehog.Profiles{}, nil, fault.New(fault.Invalid, "validate.profiles", "%s holds no SwitchProfile", name).
			WithHint("kubectl get switchprofiles -o yaml > %s writes it", name)
	}
	p, problems := hedgehog.NewProfiles(set.Snapshot.OfKind(hedgehog.SwitchProfile))
	return p, append(set.Problems, problems...), nil
}

// directory opens a directory, or a single file as a directory of its own.
func directory(name string) (fs.FS, error) {
	info, err := os.Stat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fault.New(fault.Missing, "validate.missing", "%s does not exist", name)
	case err != nil:
		return nil, fault.New(fault.Denied, "validate.unreadable", "%w", err)
	case info.IsDir():
		return os.DirFS(name), nil
	}
	return oneFile(name)
}
