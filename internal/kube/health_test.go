package kube_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	rbac "k8s.io/api/rbac/v1"

	"github.com/hedgesync/hedgesync/internal/fabric"
	"github.com/hedgesync/hedgesync/internal/fault"
	"github.com/hedgesync/hedgesync/internal/kube"
	"github.com/hedgesync/hedgesync/internal/kubetest"
)

func TestHealthTellsEachThingApart(t *testing.T) {
	t.Parallel()
	s := kubetest.Shared(t)
	kinds := []fabric.Kind{gadgets, hubs, absent}
	access := func(read, write, del kube.Answer) map[fabric.Kind]kube.Access {
		return map[fabric.Kind]kube.Access{
			gadgets: {Served: true, Read: read, Write: write, Delete: del},
			hubs:    {Served: true, Read: read, Write: write, Delete: del},
			absent:  {Read: kube.Unsaid, Write: kube.Unsaid, Delete: kube.Unsaid},
		}
	}
	reader := s.User(t, rbac.PolicyRule{APIGroups: []string{"test.hedgesync.dev"}, Resources: []string{"*"}, Verbs: []string{"get", "list", "watch"}})
	cases := map[string]struct {
		kubeconfig []byte
		want       kube.Health
		code       string
	}{
		"admin":             {s.Kubeconfig, kube.Health{Reachable: kube.Yes, Authenticated: kube.Yes, User: "admin", Access: access(kube.Yes, kube.Yes, kube.Yes)}, ""},
		"reader":            {reader, kube.Health{Reachable: kube.Yes, Authenticated: kube.Yes, Access: access(kube.Yes, kube.No, kube.No)}, ""},
		"nobody":            {s.KubeconfigFor(kubetest.Nobody), kube.Health{Reachable: kube.Yes, Authenticated: kube.Yes, User: "nobody", Access: access(kube.No, kube.No, kube.No)}, ""},
		"refused token":     {s.KubeconfigFor("stranger"), kube.Health{Reachable: kube.Yes, Authenticated: kube.No, Access: map[fabric.Kind]kube.Access{}}, "kube.auth"},
		"down":              {redirected(t, s.Kubeconfig, "https://127.0.0.1:1"), kube.Health{Reachable: kube.No, Authenticated: kube.Unsaid, Access: map[fabric.Kind]kube.Access{}}, "kube.tcp"},
		"another authority": {otherAuthority(t, s), kube.Health{Reachable: kube.No, Authenticated: kube.Unsaid, Access: map[fabric.Kind]kube.Access{}}, "kube.tls"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := connect(t, c.kubeconfig).Health(t.Context(), kinds, []string{"default"})
			if code := fault.CodeOf(got.Err); code != c.code {
				t.Errorf("error %q: %v", code, got.Err)
			}
			if got.Reachable == kube.Yes && got.Latency <= 0 {
				t.Errorf("latency %v", got.Latency)
			}
			if got.Authenticated == kube.Yes && !strings.HasPrefix(got.Version, "v1.") {
				t.Errorf("version %q", got.Version)
			}
			got.Err, got.Latency, got.Version, got.Address = nil, 0, "", ""
			if name == "reader" {
				c.want.User = got.User
			}
			if d := cmp.Diff(c.want, got); d != "" {
				t.Errorf("health (-want +got):\n%s", d)
			}
		})
	}
}
