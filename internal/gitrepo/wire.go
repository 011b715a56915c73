package gitrepo

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/pktline"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/sideband"

	"github.com/hedgesync/hedgesync/internal/fabric"
	"github.com/hedgesync/hedgesync/internal/fault"
)

// session is one conversation with a repository: list the refs once, then ask
// for a pack at most once.
type session interface {
	refs(context.Context) (*packp.AdvRefs, error)
	pack(ctx context.Context, wants, haves []plumbing.Hash) (io.ReadCloser, error)
	Close() error
}

// maxListing bounds a ref listing: about 800,000 refs.
const maxListing = 64 << 20

// readListing decodes a ref advertisement. An empty repository gives empty refs.
func readListing(r io.Reader, c fabric.Credential) (*packp.AdvRefs, error) {
	adv := packp.NewAdvRefs()
	err := adv.Decode(io.LimitReader(r, maxListing))
	if line, ok := errors.AsType[*pktline.ErrorLine](err); ok {
		return nil, refusedByServer(line, c)
	}
	if err != nil && !errors.Is(err, packp.ErrEmptyAdvRefs) {
		return nil, err
	}
	return adv, nil
}

// writeRequest asks for wants and everything they need that haves do not reach.
// All haves go in one round, so the answer's pack follows at once.
func writeRequest(w io.Writer, caps *capability.List, wants, haves []plumbing.Hash) error {
	for _, c := range []capability.Capability{capability.ThinPack, capability.Shallow} {
		caps.Delete(c)
	}
	req := packp.NewUploadPackRequestFromCapabilities(caps)
	if caps.Supports(capability.NoProgress) {
		if err := req.Capabilities.Set(capability.NoProgress); err != nil {
			return err
		}
	}
	req.Wants, req.Haves = wants, haves
	if err := req.UploadRequest.Encode(w); err != nil {
		return err
	}
	if err := req.UploadHaves.Encode(w, false); err != nil {
		return err
	}
	return pktline.NewEncoder(w).EncodeString("done\n")
}

// readPack skips the acknowledgements and returns the raw pack.
func readPack(r io.Reader, caps *capability.List) (io.Reader, error) {
	in := bufio.NewReader(r)
	for {
		head, err := in.Peek(8)
		if err != nil {
			return nil, err
		}
		if bytes.HasPrefix(head, []byte("PACK")) {
			return in, nil
		}
		if head[4] == 1 || head[4] == 2 || head[4] == 3 {
			return demultiplex(in, caps), nil
		}
		if err := readAcknowledgement(in); err != nil {
			return nil, err
		}
	}
}

// readAcknowledgement skips one; a refusal is a *pktline.ErrorLine.
func readAcknowledgement(in io.Reader) error {
	s := pktline.NewScanner(in)
	if !s.Scan() {
		return cmp.Or(s.Err(), io.ErrUnexpectedEOF)
	}
	line := s.Bytes()
	if bytes.HasPrefix(line, []byte("NAK")) || bytes.HasPrefix(line, []byte("ACK ")) {
		return nil
	}
	return errors.New("the answer is neither an acknowledgement nor a pack")
}

func demultiplex(in io.Reader, caps *capability.List) io.Reader {
	if caps.Supports(capability.Sideband64k) {
		return sideband.NewDemuxer(sideband.Sideband64k, in)
	}
	return sideband.NewDemuxer(sideband.Sideband, in)
}

func refusedByServer(line *pktline.ErrorLine, c fabric.Credential) error {
	return fault.New(fault.Missing, "git.repository", "the server refuses: %q", serverWords(line.Text, c)).
		WithHint("check the repository's path and that these credentials may read it")
}
