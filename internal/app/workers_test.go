package app

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// A holder names one process: what has ended is known to have, what lives or is
// elsewhere is not.
func TestOnlyAProcessOfThisMachineIsKnownToHaveDied(t *testing.T) {
	t.Parallel()
	child := exec.Command("sleep", "600")
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	alive := holder(child.Process.Pid)
	if died(alive) {
		t.Errorf("%s died", alive)
	}
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = child.Wait() // it was killed
	mine := holder(os.Getpid())
	parts := strings.Split(mine, "/")
	for name, c := range map[string]struct {
		holder string
		want   bool
	}{
		"ended":           {alive, true},
		"this process":    {mine, false},
		"a pid reused":    {strings.Join([]string{parts[0], parts[1], parts[2], "1"}, "/"), true},
		"another machine": {strings.Join([]string{"elsewhere", parts[1], "999999999", "1"}, "/"), false},
		"another boot":    {strings.Join([]string{parts[0], "other-boot", "999999999", "1"}, "/"), false},
		"no boot known":   {parts[0] + "//999999999/1", false},
		"not a holder":    {"somebody", false},
		"no pid":          {parts[0] + "/" + parts[1] + "/x/1", false},
	} {
		if got := died(c.holder); got != c.want {
			t.Errorf("%s: %s died: %v", name, c.holder, got)
		}
	}
}
