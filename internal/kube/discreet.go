package kube

import (
	"bytes"
	"io"
	"net/http"
	"strings"
)

const (
	longestRefusal   = 1 << 20 // bytes of a refusal that are read
	shortestPassword = 4       // a shorter one would tear ordinary words apart
	masked           = "[credential]"
)

// discreet takes the credential out of refusals: a server, or a proxy before it,
// may quote what it was sent, and refusals are shown and stored. It stands next to
// the network, where every request has its final header.
type discreet struct{ next http.RoundTripper }

func (d discreet) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := d.next.RoundTrip(r)
	if err != nil || res.StatusCode/100 == 2 {
		return res, err
	}
	secrets := secretsIn(r)
	if len(secrets) == 0 {
		return res, nil
	}
	text, err := io.ReadAll(io.LimitReader(res.Body, longestRefusal))
	_ = res.Body.Close() // whatever is left of it is not wanted
	if err != nil {
		return nil, err
	}
	for _, s := range secrets {
		text = bytes.ReplaceAll(text, []byte(s), []byte(masked))
	}
	res.Body, res.ContentLength = io.NopCloser(bytes.NewReader(text)), int64(len(text))
	return res, nil
}

// secretsIn returns what of a request's header nobody else may see.
func secretsIn(r *http.Request) []string {
	_, value, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	secrets := []string{strings.TrimSpace(value)}
	if _, password, ok := r.BasicAuth(); ok && len(password) >= shortestPassword {
		secrets = append(secrets, password)
	}
	if secrets[0] == "" {
		return nil
	}
	return secrets
}
