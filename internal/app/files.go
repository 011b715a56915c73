package app

import (
	"encoding/base64"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/hedgesync/hedgesync/internal/fault"
)

// oneFile shows a directory as if it held nothing but this file.
func oneFile(name string) (fs.FS, error) {
	dir, base := filepath.Split(filepath.Clean(name))
	if dir == "" {
		dir = "."
	}
	return single{os.DirFS(dir), base}, nil
}

type single struct {
	fs.FS
	name string
}

func (s single) ReadDir(dir string) ([]fs.DirEntry, error) {
	if dir != "." {
		return nil, &fs.PathError{Op: "readdir", Path: dir, Err: fs.ErrNotExist}
	}
	info, err := fs.Stat(s.FS, s.name)
	if err != nil {
		return nil, err
	}
	return []fs.DirEntry{fs.FileInfoToDirEntry(info)}, nil
}

// RepositoryURL makes a local path absolute, so that it means the same from every
// directory; other addresses are left as they are.
func RepositoryURL(address string) (string, error) {
	if strings.Contains(address, "://") || strings.Contains(address, ":") && !strings.HasPrefix(address, "/") && !strings.HasPrefix(address, ".") {
		return address, nil
	}
	abs, err := filepath.Abs(address)
	if err != nil {
		return "", fault.New(fault.Invalid, "cli.repository", "repository path: %w", err)
	}
	return abs, nil
}

// Kubeconfig reads a kubeconfig file and puts the certificates, keys and tokens
// that it refers to by file name into it, because what is stored must not depend
// on files of one machine.
func Kubeconfig(file string) (string, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return "", fault.New(fault.Missing, "cli.kubeconfig", "%w", err)
	}
	var doc map[string]any
	if err := yaml.Unmarshal(b, &doc); err != nil || doc == nil {
		return "", fault.New(fault.Invalid, "cli.kubeconfig", "%s is not a kubeconfig", file)
	}
	for _, list := range []struct{ list, item string }{{"clusters", "cluster"}, {"users", "user"}} {
		items, _ := doc[list.list].([]any)
		for _, i := range items {
			entry, _ := i.(map[string]any)
			inner, _ := entry[list.item].(map[string]any)
			if err := inline(inner, filepath.Dir(file)); err != nil {
				return "", err
			}
		}
	}
	out, err := yaml.Marshal(doc)
	return string(out), err
}

// inline replaces file references of one cluster or user by their contents.
func inline(m map[string]any, dir string) error {
	for _, f := range []struct {
		from, to string
		encode   func([]byte) string
	}{
		{"certificate-authority", "certificate-authority-data", base64.StdEncoding.EncodeToString},
		{"client-certificate", "client-certificate-data", base64.StdEncoding.EncodeToString},
		{"client-key", "client-key-data", base64.StdEncoding.EncodeToString},
		{"tokenFile", "token", func(b []byte) string { return strings.TrimSpace(string(b)) }},
	} {
		name, ok := m[f.from].(string)
		if !ok || name == "" {
			continue
		}
		if !filepath.IsAbs(name) {
			name = filepath.Join(dir, name)
		}
		b, err := os.ReadFile(name)
		if err != nil {
			return fault.New(fault.Missing, "cli.kubeconfig", "the kubeconfig's %s: %w", f.from, err)
		}
		delete(m, f.from)
		m[f.to] = f.encode(b)
	}
	return nil
}
