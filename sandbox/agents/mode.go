package agents

import (
	"fmt"
	"strings"
	"time"
)

// Behaviour is how a simulated switch behaves.
type Behaviour string

// The behaviours.
const (
	OK      Behaviour = "ok"      // applies what it is given after a short while
	Lag     Behaviour = "lag"     // does so after a delay of its own
	Dead    Behaviour = "dead"    // says nothing more
	Failing Behaviour = "failing" // tries every generation and applies none
)

// Mode is a behaviour and, for Lag, its delay.
type Mode struct {
	Behaviour Behaviour
	Delay     time.Duration
}

// ParseMode reads "ok", "lag=30s", "dead" or "failing"; "" is ok.
func ParseMode(s string) (Mode, error) {
	word, value, given := strings.Cut(s, "=")
	mode := Mode{Behaviour: Behaviour(word)}
	if s == "" {
		return Mode{Behaviour: OK}, nil
	}
	if mode.Behaviour == Lag {
		delay, err := time.ParseDuration(value)
		if err != nil || delay <= 0 {
			return Mode{}, fmt.Errorf("mode %q: say how long, as in lag=30s", s)
		}
		mode.Delay = delay
		return mode, nil
	}
	if given || (mode.Behaviour != OK && mode.Behaviour != Dead && mode.Behaviour != Failing) {
		return Mode{}, fmt.Errorf("mode %q is not one of ok, lag=DURATION, dead, failing", s)
	}
	return mode, nil
}
