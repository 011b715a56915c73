package gitserver

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
	"github.com/go-git/go-git/v5/plumbing/format/pktline"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"
	"github.com/go-git/go-git/v5/plumbing/revlist"
	"github.com/go-git/go-git/v5/plumbing/storer"
	"github.com/go-git/go-git/v5/storage/filesystem"
)

// The services of the protocol, seen from the server.
const (
	upload  = "git-upload-pack"
	receive = "git-receive-pack"
)

// packWindow is how many objects are tried as a base of a delta.
const packWindow = 10

// infoRefs lists the references and what the server can do.
func infoRefs(repo *repository, service string, _ io.Reader) ([]byte, error) {
	refs := packp.NewAdvRefs()
	refs.Prefix = [][]byte{[]byte("# service=" + service), pktline.Flush}
	able := map[string][]capability.Capability{
		upload:  {capability.OFSDelta},
		receive: {capability.ReportStatus, capability.DeleteRefs, capability.OFSDelta, "no-thin"},
	}
	if able[service] == nil {
		return nil, fmt.Errorf("%w: unknown service %q", errRefused, service)
	}
	for _, c := range able[service] {
		if err := refs.Capabilities.Set(c); err != nil {
			return nil, err
		}
	}
	if err := refs.Capabilities.Set(capability.Agent, "hedgesync-sandbox"); err != nil {
		return nil, err
	}
	repo.mu.Lock()
	defer repo.mu.Unlock()
	if err := advertise(repo.storage(), refs, service); err != nil {
		return nil, err
	}
	var out bytes.Buffer
	err := refs.Encode(&out)
	return out.Bytes(), err
}

func advertise(s *filesystem.Storage, refs *packp.AdvRefs, service string) error {
	all, err := s.IterReferences()
	if err != nil {
		return err
	}
	if err := all.ForEach(func(ref *plumbing.Reference) error {
		if ref.Type() == plumbing.HashReference {
			refs.References[ref.Name().String()] = ref.Hash()
		}
		return nil
	}); err != nil {
		return err
	}
	head, err := s.Reference(plumbing.HEAD)
	if err != nil || service == receive {
		return err
	}
	target, err := storer.ResolveReference(s, head.Target())
	if errors.Is(err, plumbing.ErrReferenceNotFound) {
		return nil // nothing pushed yet
	}
	if err != nil {
		return err
	}
	hash := target.Hash()
	refs.Head = &hash
	return refs.Capabilities.Add(capability.SymRef, "HEAD:"+head.Target().String())
}

// negotiation is what a fetching client says it wants and has.
type negotiation struct {
	wants, haves []plumbing.Hash
	done         bool
}

func readNegotiation(body io.Reader) (negotiation, error) {
	var n negotiation
	lines := pktline.NewScanner(body)
	for lines.Scan() {
		verb, rest, _ := strings.Cut(strings.TrimSuffix(string(lines.Bytes()), "\n"), " ")
		hash, _, _ := strings.Cut(rest, " ")
		switch verb {
		case "want":
			n.wants = append(n.wants, plumbing.NewHash(hash))
		case "have":
			n.haves = append(n.haves, plumbing.NewHash(hash))
		case "done":
			n.done = true
		case "": // flush
		default:
			return n, fmt.Errorf("%w: %q is not supported", errRefused, verb)
		}
	}
	return n, lines.Err()
}

// uploadPack answers one round of a fetch. Each round stands alone: the client
// repeats what it wants, and says done when it has heard enough.
func uploadPack(repo *repository, _ string, body io.Reader) ([]byte, error) {
	n, err := readNegotiation(body)
	if err != nil {
		return nil, err
	}
	repo.mu.Lock()
	defer repo.mu.Unlock()
	s := repo.storage()
	var common []plumbing.Hash
	for _, hash := range n.haves {
		if s.HasEncodedObject(hash) == nil {
			common = append(common, hash)
		}
	}
	var out bytes.Buffer
	lines := pktline.NewEncoder(&out)
	if len(common) > 0 {
		err = lines.Encodef("ACK %s\n", common[0])
	} else {
		err = lines.EncodeString("NAK\n")
	}
	if err != nil || !n.done {
		return out.Bytes(), err
	}
	err = writePack(&out, s, n.wants, common)
	return out.Bytes(), err
}

func writePack(w io.Writer, s *filesystem.Storage, wants, common []plumbing.Hash) error {
	for _, hash := range wants {
		if err := s.HasEncodedObject(hash); err != nil {
			return fmt.Errorf("%w: %s is not here", errRefused, hash)
		}
	}
	known, err := revlist.Objects(s, common, nil)
	if err != nil {
		return err
	}
	missing, err := revlist.Objects(s, wants, known)
	if err != nil {
		return err
	}
	_, err = packfile.NewEncoder(w, s, false).Encode(missing, packWindow)
	return err
}

// receivePack stores a push. A reference moves only if it still is where the
// client saw it.
func receivePack(repo *repository, _ string, body io.Reader) ([]byte, error) {
	raw, err := io.ReadAll(body)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errRefused, err)
	}
	if bytes.Equal(raw, []byte("0000")) {
		return nil, nil // git asks whether it may push before it sends much
	}
	request := packp.NewReferenceUpdateRequest()
	if err := request.Decode(bytes.NewReader(raw)); err != nil {
		return nil, fmt.Errorf("%w: %w", errRefused, err)
	}
	repo.mu.Lock()
	defer repo.mu.Unlock()
	s := repo.storage()
	report := packp.NewReportStatus()
	report.UnpackStatus = "ok"
	if err := unpack(s, request); err != nil {
		report.UnpackStatus = err.Error()
	}
	for _, command := range request.Commands {
		status := "ok"
		if report.UnpackStatus != "ok" {
			status = "unpacker error"
		} else if err := move(s, command); err != nil {
			status = err.Error()
		}
		report.CommandStatuses = append(report.CommandStatuses, &packp.CommandStatus{ReferenceName: command.Name, Status: status})
	}
	if !request.Capabilities.Supports(capability.ReportStatus) {
		return nil, nil
	}
	var out bytes.Buffer
	err = report.Encode(&out)
	return out.Bytes(), err
}

func unpack(s *filesystem.Storage, request *packp.ReferenceUpdateRequest) error {
	for _, command := range request.Commands {
		if command.Action() != packp.Delete {
			return packfile.UpdateObjectStorage(s, request.Packfile)
		}
	}
	return nil // deletes come without a pack
}

func move(s *filesystem.Storage, command *packp.Command) error {
	now, err := s.Reference(command.Name)
	switch {
	case errors.Is(err, plumbing.ErrReferenceNotFound):
		now = plumbing.NewHashReference(command.Name, plumbing.ZeroHash)
	case err != nil:
		return err
	}
	if now.Hash() != command.Old {
		return errors.New("reference has moved: fetch first")
	}
	if command.Action() == packp.Delete {
		return s.RemoveReference(command.Name)
	}
	if err := s.HasEncodedObject(command.New); err != nil {
		return err
	}
	return s.SetReference(plumbing.NewHashReference(command.Name, command.New))
}
