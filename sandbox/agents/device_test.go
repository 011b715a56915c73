package agents

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

var epoch = time.Unix(1_700_000_000, 0)

// play lets a switch run for some seconds at one look per second, with a second
// generation coming after ten; it returns what was reported, by second.
func play(t *testing.T, mode string, seconds int) map[int]string {
	t.Helper()
	m, err := ParseMode(mode)
	if err != nil {
		t.Fatal(err)
	}
	agent := &unstructured.Unstructured{Object: map[string]any{"metadata": map[string]any{"name": "leaf-1", "generation": int64(1)}, "spec": map[string]any{}}}
	d := &device{booted: epoch}
	out := map[int]string{}
	for second := range seconds {
		if second == 10 {
			agent.SetGeneration(2)
		}
		status := d.report(agent, m, timing{heartbeat: 15 * time.Second, apply: 3 * time.Second}, epoch.Add(time.Duration(second)*time.Second))
		if status == nil {
			continue
		}
		agent.Object["status"] = status
		applied, _ := status["lastAppliedGen"].(int64)
		attempt := status["lastAttemptGen"].(int64)
		condition := status["conditions"].([]any)[0].(tree)
		out[second] = string(rune('0'+applied)) + " of " + string(rune('0'+attempt)) + " " + condition["reason"].(string)
	}
	return out
}

func TestSwitchesBehaveAsTold(t *testing.T) {
	t.Parallel()
	cases := map[string]map[int]string{
		"ok": {
			0: "0 of 1 ApplyPending", 3: "1 of 1 ApplySucceeded",
			10: "1 of 2 ApplyPending", 13: "2 of 2 ApplySucceeded", 28: "2 of 2 ApplySucceeded",
		},
		"lag=8s": {
			0: "0 of 1 ApplyPending", 8: "1 of 1 ApplySucceeded",
			10: "1 of 2 ApplyPending", 18: "2 of 2 ApplySucceeded",
		},
		"failing": {0: "0 of 1 ApplyPending", 10: "0 of 2 ApplyPending", 25: "0 of 2 ApplyPending"},
		"dead":    {},
	}
	for mode, want := range cases {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(want, play(t, mode, 30)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestModesThatCannotBeAreRefused(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"lag", "lag=", "lag=-1s", "dead=1s", "asleep"} {
		if got, err := ParseMode(mode); err == nil {
			t.Errorf("%q is %+v", mode, got)
		}
	}
}
