package hedgehog

import (
	"fmt"
	"strings"

	"github.com/hedgesync/hedgesync/internal/fabric"
)

// Accept reports whether an object of this kind and API version belongs in Git.
// If not, the Problem says why: an Error for what would harm or cannot be sent, a
// Warning or Note for what is merely not this fabric's and is left out. The caller
// fills in where it stands.
func Accept(kind fabric.Kind, version string) (fabric.Problem, bool) {
	info, known := Lookup(kind)
	switch {
	case !known && strings.HasSuffix(kind.Group, ".githedgehog.com"):
		return unknownKind(kind), false
	case !known:
		return refusal("kind.left-out", fabric.Warning, "the fabric does not know kind %s: left out", kind)
	case info.Owner == Installer:
		return refusal("kind.left-out", fabric.Note, "%s is left out: %s", kind.Name, info.Reason)
	case info.Owner == Unused:
		return refusal("kind.left-out", fabric.Warning, "%s is left out: %s", kind.Name, info.Reason)
	case info.Owner == Controller:
		return refusal("kind.controller", fabric.Error, "%s does not belong in Git: %s", kind.Name, info.Reason)
	case version != info.Version:
		p, _ := refusal("kind.version", fabric.Error, "version %s of %s is not served", version, kind.Name)
		p.Pointer = "/apiVersion"
		p.Hint = fmt.Sprintf("write apiVersion: %s/%s", kind.Group, info.Version)
		return p, false
	}
	return fabric.Problem{}, true
}

func refusal(rule string, severity fabric.Severity, format string, args ...any) (fabric.Problem, bool) {
	return fabric.Problem{Rule: rule, Severity: severity, Pointer: "/kind", Message: fmt.Sprintf(format, args...)}, false
}

func unknownKind(kind fabric.Kind) fabric.Problem {
	p, _ := refusal("kind.unknown", fabric.Error, "group %s has no kind %s", kind.Group, kind.Name)
	for _, info := range kinds {
		if info.Kind.Name == kind.Name {
			p.Hint = fmt.Sprintf("write apiVersion: %s/%s", info.Kind.Group, info.Version)
		}
	}
	return p
}
