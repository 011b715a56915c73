package store

import (
	"context"
	"net/url"
	"strings"

	"github.com/hedgesync/hedgesync/internal/fabric"
	"github.com/hedgesync/hedgesync/internal/fault"
)

// repository spells a remote's address so that two spellings of one repository
// compare equal: no user, no ".git", no default port, host in lower case.
func repository(address string) string {
	_, host, path := split(address)
	return host + strings.TrimSuffix(strings.TrimRight(path, "/"), ".git")
}

// sameHost reports whether what is sent to one remote may be sent to the other: the
// host is the same, and no less is encrypted.
func sameHost(from, to string) bool {
	was, a, _ := split(from)
	is, b, _ := split(to)
	return a == b && (is != "http" || was == "http")
}

// split returns a remote's scheme, its host without a default port in lower case,
// and its path. The host of a local path or of a file:// address is "".
func split(address string) (scheme, host, path string) {
	address = strings.TrimSpace(address)
	u, err := url.Parse(address)
	if err != nil || u.Scheme == "" {
		if host, path, scp := strings.Cut(address, ":"); scp && !strings.Contains(host, "/") {
			u = &url.URL{Scheme: "ssh", Host: host[strings.LastIndexByte(host, '@')+1:], Path: "/" + strings.TrimPrefix(path, "/")}
		} else {
			u = &url.URL{Path: address}
		}
	}
	host = strings.ToLower(u.Host)
	for scheme, port := range map[string]string{"https": ":443", "http": ":80", "ssh": ":22"} {
		if strings.EqualFold(u.Scheme, scheme) {
			host = strings.TrimSuffix(host, port)
		}
	}
	return strings.ToLower(u.Scheme), host, u.Path
}

// contains reports whether one of two directories holds the other, or is it.
func contains(a, b string) bool {
	within := func(inner, outer string) bool {
		return outer == "" || inner == outer || strings.HasPrefix(inner, outer+"/")
	}
	return within(a, b) || within(b, a)
}

// checkAddress refuses an address with a password in it: addresses are shown.
func checkAddress(address string) error {
	u, err := url.Parse(address)
	if err != nil || u.User == nil {
		return nil
	}
	if _, has := u.User.Password(); has {
		return fault.New(fault.Invalid, "fabric.repository.url", "the repository's address holds a password").
			WithHint("give the user and password as the repository's credential")
	}
	return nil
}

// checkPlace refuses settings whose directory overlaps another fabric's: two
// fabrics would each delete what the other one wants.
func (t *txn) checkPlace(ctx context.Context, s fabric.Settings) error {
	if s.Repository.URL == "" {
		return nil
	}
	if err := checkAddress(s.Repository.URL); err != nil {
		return err
	}
	return t.query(ctx, "select id, directory from fabric where repo = $1 and branch = $2 and id <> $3 order by id",
		[]any{repository(s.Repository.URL), s.Repository.Branch, string(s.ID)}, func(row scanner) error {
			var id, directory string
			if err := row.Scan(&id, &directory); err != nil {
				return err
			}
			if contains(s.Repository.Path, directory) {
				return fault.New(fault.Conflict, "fabric.place", "directory %q overlaps %q of fabric %s on the same branch", "/"+s.Repository.Path, "/"+directory, id).
					WithHint("give each fabric a directory of its own")
			}
			return nil
		})
}
