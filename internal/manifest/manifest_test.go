package manifest_test

import (
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/hedgesync/hedgesync/internal/fabric"
	"github.com/hedgesync/hedgesync/internal/manifest"
)

const (
	wiring = "wiring.githedgehog.com"
	vpc    = "vpc.githedgehog.com"
)

var (
	switchKind = fabric.Kind{Group: wiring, Name: "Switch"}
	serverKind = fabric.Kind{Group: wiring, Name: "Server"}
	vpcKind    = fabric.Kind{Group: vpc, Name: "VPC"}

	userKinds = []fabric.Kind{switchKind, serverKind, vpcKind,
		{Group: wiring, Name: "Connection"}, {Group: wiring, Name: "VLANNamespace"},
		{Group: vpc, Name: "IPv4Namespace"}, {Group: vpc, Name: "VPCAttachment"}, {Group: vpc, Name: "VPCPeering"}, {Group: vpc, Name: "ExternalPeering"}}

	readAt = time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
)

// acceptUsers accepts userKinds at v1beta1 and says of everything else what it is.
func acceptUsers(k fabric.Kind, version string) (fabric.Problem, bool) {
	for _, known := range userKinds {
		if k == known && version == "v1beta1" {
			return fabric.Problem{}, true
		}
		if k == known {
			return fabric.Problem{Rule: "kind.version", Pointer: "/apiVersion", Severity: fabric.Error, Message: k.Name + " is not served at " + version}, false
		}
	}
	if strings.HasSuffix(k.Group, "githedgehog.com") {
		return fabric.Problem{Rule: "kind.owner", Severity: fabric.Error, Message: k.Name + " does not belong in Git"}, false
	}
	return fabric.Problem{Rule: "kind.foreign", Severity: fabric.Note, Message: k.String() + " is not a kind of this fabric"}, false
}

func options() manifest.Options {
	return manifest.Options{Source: "abc123", AsOf: readAt, Kinds: userKinds, Accept: acceptUsers}
}

func files(nameAndText ...string) fstest.MapFS {
	fsys := fstest.MapFS{}
	for i := 0; i < len(nameAndText); i += 2 {
		fsys[nameAndText[i]] = &fstest.MapFile{Data: []byte(nameAndText[i+1])}
	}
	return fsys
}

func read(t *testing.T, fsys fstest.MapFS) *manifest.Set {
	t.Helper()
	set, err := manifest.Read(fsys, options())
	if err != nil {
		t.Fatalf("read: %v", err)
	}
	return set
}

func server(name string) string {
	return "apiVersion: wiring.githedgehog.com/v1beta1\nkind: Server\nmetadata:\n  name: " + name + "\nspec: {}\n"
}

func serverKey(name string) fabric.Key {
	return fabric.Key{Kind: serverKind, Namespace: "default", Name: name}
}

// problems renders problems as "place severity rule: message".
func problems(set *manifest.Set) []string {
	var lines []string
	for _, p := range set.Problems {
		lines = append(lines, p.Origin.String()+" "+string(p.Severity)+" "+p.Rule+": "+p.Message)
	}
	return lines
}

// partial returns the names of the covered kinds that are not Full.
func partial(set *manifest.Set) []string {
	var names []string
	for _, k := range set.Snapshot.Kinds() {
		if !set.Snapshot.Covers(k) {
			names = append(names, k.Name)
		}
	}
	return names
}
