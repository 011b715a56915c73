package kube

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"time"

	authn "k8s.io/api/authentication/v1"
	authz "k8s.io/api/authorization/v1"

	"github.com/hedgesync/hedgesync/internal/fabric"
	"github.com/hedgesync/hedgesync/internal/fault"
)

// Answer is the answer to a question that may have none.
type Answer string

// The answers. Unsaid: it was not reached, or the server does not say.
const (
	Yes    Answer = "yes"
	No     Answer = "no"
	Unsaid Answer = "unsaid"
)

// Access is what this user may do with one kind in every namespace asked about.
type Access struct {
	Served        bool
	Read          Answer // get, list and watch
	Write, Delete Answer // patch and create; delete
}

// Health is how a fabric's API stands, each part on its own.
type Health struct {
	Address       string
	Reachable     Answer
	Latency       time.Duration // of one small request, when reachable
	Version       string        // "v1.36.2+k3s1"
	Authenticated Answer
	User          string // as the server knows us, if it says
	Access        map[fabric.Kind]Access
	// Err is the first reason for an answer that is not Yes.
	Err error
}

// Health asks the server how it stands: at most four requests, and one more per
// namespace after the first. It always returns an answer.
func (c *Client) Health(ctx context.Context, kinds []fabric.Kind, namespaces []string) Health {
	h := Health{Address: c.Address(), Reachable: Unsaid, Authenticated: Unsaid, Access: map[fabric.Kind]Access{}}
	if h.Err = c.greet(ctx, &h); h.Err != nil {
		return h
	}
	if h.Err = c.introduce(ctx, &h); h.Authenticated == No {
		return h
	}
	offer, err := c.discover(ctx, kinds)
	if err != nil {
		h.note(err)
		return h
	}
	rules, err := c.rules(ctx, namespaces)
	h.note(err)
	for _, k := range kinds {
		s, served := offer.pick(k, "")
		h.Access[k] = access(k, s, served, rules)
	}
	return h
}

func (h *Health) note(err error) {
	if h.Err == nil {
		h.Err = err
	}
}

// greet asks for the version, which most servers tell anybody.
func (c *Client) greet(ctx context.Context, h *Health) error {
	began := c.options.Now()
	a, err := c.exchange(ctx, request{method: http.MethodGet, path: "/version"})
	h.Latency = c.options.Now().Sub(began)
	if err != nil {
		err = classify(err, false)
		switch fault.KindOf(err) {
		case fault.Denied:
			h.Reachable = Yes
			if fault.CodeOf(err) == "kube.tls" {
				h.Reachable = No
			}
			if fault.CodeOf(err) == "kube.auth" {
				h.Authenticated = No
			}
		default:
			h.Reachable, h.Latency = No, 0
		}
		return wrap("ask for the version", err)
	}
	h.Reachable = Yes
	var v struct {
		GitVersion string `json:"gitVersion"`
	}
	if err := json.Unmarshal(a.body, &v); err != nil {
		return wrap("ask for the version", broken("the answer is not a version"))
	}
	h.Version = v.GitVersion
	return nil
}

// introduce asks who we are. A server without that review still shows by its
// other answers whether it accepts us.
func (c *Client) introduce(ctx context.Context, h *Health) error {
	var review authn.SelfSubjectReview
	err := c.review(ctx, authn.SchemeGroupVersion.String(), "SelfSubjectReview", "selfsubjectreviews", nil, &review)
	switch {
	case err == nil:
		h.Authenticated, h.User = Yes, review.Status.UserInfo.Username
	case fault.KindOf(err) == fault.Missing:
		return nil
	case fault.CodeOf(err) == "kube.auth":
		h.Authenticated = No
	case fault.CodeOf(err) == CodeForbidden:
		h.Authenticated = No // an anonymous request is known as nobody
	}
	return wrap("ask who we are", err)
}

// review posts one of the questions that the API answers without storing.
func (c *Client) review(ctx context.Context, apiVersion, kind, plural string, spec, answer any) error {
	body, err := json.Marshal(map[string]any{"apiVersion": apiVersion, "kind": kind, "spec": spec})
	if err != nil {
		return err
	}
	a, err := c.exchange(ctx, request{method: http.MethodPost, path: "/apis/" + apiVersion + "/" + plural, kind: jsonType, body: body})
	if err != nil {
		return classify(err, false)
	}
	if err := json.Unmarshal(a.body, answer); err != nil {
		return broken("the answer is not a %s", kind)
	}
	return nil
}

// rules asks what we may do, per namespace. Nil means that the server does not say.
func (c *Client) rules(ctx context.Context, namespaces []string) ([][]authz.ResourceRule, error) {
	if len(namespaces) == 0 {
		namespaces = []string{"default"} // where rights for all namespaces show too
	}
	var all [][]authz.ResourceRule
	for _, ns := range namespaces {
		var review authz.SelfSubjectRulesReview
		err := c.review(ctx, authz.SchemeGroupVersion.String(), "SelfSubjectRulesReview", "selfsubjectrulesreviews", map[string]any{"namespace": ns}, &review)
		if fault.KindOf(err) == fault.Missing && err != nil {
			return nil, nil
		}
		if err != nil {
			return nil, wrap("ask for our rights", err)
		}
		if review.Status.Incomplete {
			return nil, nil
		}
		all = append(all, review.Status.ResourceRules)
	}
	return all, nil
}

func access(k fabric.Kind, s served, isServed bool, rules [][]authz.ResourceRule) Access {
	if !isServed {
		return Access{Read: Unsaid, Write: Unsaid, Delete: Unsaid}
	}
	may := func(verbs ...string) Answer {
		if rules == nil {
			return Unsaid
		}
		for _, inOne := range rules {
			for _, verb := range verbs {
				if !slices.ContainsFunc(inOne, func(r authz.ResourceRule) bool { return allows(r, k.Group, s.plural, verb) }) {
					return No
				}
			}
		}
		return Yes
	}
	return Access{Served: true, Read: may("get", "list", "watch"), Write: may("patch", "create"), Delete: may("delete")}
}

func allows(r authz.ResourceRule, group, plural, verb string) bool {
	has := func(list []string, v string) bool { return slices.Contains(list, v) || slices.Contains(list, "*") }
	return len(r.ResourceNames) == 0 && has(r.APIGroups, group) && has(r.Resources, plural) && has(r.Verbs, verb)
}
