package gittest

import (
	"bytes"
	"context"
	"fmt"
	"io"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/pktline"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"
	"github.com/go-git/go-git/v5/plumbing/storer"
	"github.com/go-git/go-git/v5/plumbing/transport"
	"github.com/go-git/go-git/v5/plumbing/transport/server"
)

// loader serves one repository whatever the endpoint says.
type loader struct{ storer.Storer }

func (l loader) Load(*transport.Endpoint) (storer.Storer, error) { return l.Storer, nil }

func (r *Repo) session() (transport.UploadPackSession, error) {
	return server.NewServer(loader{r.git.Storer}).NewUploadPackSession(nil, nil)
}

// advertise returns the refs as a server announces them.
func (r *Repo) advertise(ctx context.Context) (*packp.AdvRefs, error) {
	s, err := r.session()
	if err != nil {
		return nil, err
	}
	adv, err := s.AdvertisedReferencesContext(ctx)
	if err != nil {
		return nil, err
	}
	return adv, adv.Capabilities.Set(capability.AllowReachableSHA1InWant)
}

// upload answers one upload-pack request: acknowledgement, then the pack.
func (r *Repo) upload(ctx context.Context, in io.Reader, out io.Writer) error {
	req, err := readRequest(in)
	if err != nil {
		return err
	}
	for _, want := range req.Wants {
		if r.git.Storer.HasEncodedObject(want) != nil {
			return (&pktline.ErrorLine{Text: "upload-pack: not our ref " + want.String()}).Encode(out)
		}
	}
	req.Capabilities = capability.NewList()
	s, err := r.session()
	if err != nil {
		return err
	}
	answer, err := s.UploadPack(ctx, req)
	if err != nil {
		return err
	}
	return answer.Encode(out)
}

// readRequest reads wants and capabilities up to the flush, then haves up to "done".
func readRequest(in io.Reader) (*packp.UploadPackRequest, error) {
	req := packp.NewUploadPackRequest()
	if err := req.UploadRequest.Decode(in); err != nil {
		return nil, err
	}
	lines := pktline.NewScanner(in)
	for lines.Scan() {
		line := bytes.TrimSpace(lines.Bytes())
		if string(line) == "done" {
			return req, nil
		}
		if have, ok := bytes.CutPrefix(line, []byte("have ")); ok {
			req.Haves = append(req.Haves, plumbing.NewHash(string(have)))
		}
	}
	return nil, fmt.Errorf("upload-pack request ended before done: %w", io.ErrUnexpectedEOF)
}
