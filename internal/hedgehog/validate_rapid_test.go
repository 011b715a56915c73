package hedgehog

import (
	"strconv"
	"testing"

	"pgregory.net/rapid"

	"github.com/hedgesync/hedgesync/internal/fabric"
)

// anyJSON draws any decoded JSON value, shallow, with names and texts that mean something to rules.
func anyJSON(t *rapid.T, depth int) any {
	text := rapid.SampledFrom([]string{"", "/", "default", "vpc-1", "vpc-1/a", "leaf-1/E1/1", "E1/3/2", "10.0.1.0/24", "10.0.1.1", "::1/64", "ext.", "1:2", "a.b~/c", "\x00"})
	switch rapid.IntRange(0, 7).Draw(t, "sort") {
	case 0:
		return nil
	case 1:
		return rapid.Bool().Draw(t, "bool")
	case 2:
		return rapid.Int64().Draw(t, "int")
	case 3:
		return rapid.Float64Range(-1e20, 1e20).Draw(t, "float")
	case 4, 5:
		return text.Draw(t, "text")
	case 6:
		list := []any{}
		for range rapid.IntRange(0, min(depth, 3)).Draw(t, "length") {
			list = append(list, anyJSON(t, depth-1))
		}
		return list
	}
	m := tree{}
	for range rapid.IntRange(0, min(depth, 3)).Draw(t, "size") {
		m[text.Draw(t, "key")] = anyJSON(t, depth-1)
	}
	return m
}

// spoiled returns a copy of v in which one value, somewhere, is another.
func spoiled(t *rapid.T, v any) any {
	switch v := v.(type) {
	case tree:
		if len(v) == 0 || rapid.IntRange(0, 5).Draw(t, "stop") == 0 {
			return anyJSON(t, 3)
		}
		out := tree{}
		chosen := rapid.SampledFrom(keysOf(v)).Draw(t, "member")
		for key, member := range v {
			if out[key] = member; key == chosen {
				out[key] = spoiled(t, member)
			}
		}
		return out
	case []any:
		if len(v) == 0 {
			return anyJSON(t, 3)
		}
		out := append([]any{}, v...)
		i := rapid.IntRange(0, len(v)-1).Draw(t, "element "+strconv.Itoa(len(v)))
		out[i] = spoiled(t, v[i])
		return out
	}
	return anyJSON(t, 3)
}

func TestSpoiltObjectsAreSurvivedAndPointedAt(t *testing.T) {
	t.Parallel()
	cases := ruleCases()
	rapid.Check(t, func(rt *rapid.T) {
		c := cases[rapid.SampledFrom(keysOf(cases)).Draw(rt, "case")]
		all := parse(t, c.breaks)
		i := rapid.IntRange(0, len(all)-1).Draw(rt, "object")
		for _, section := range []string{"spec", "metadata"} {
			changed := tree{}
			for key, v := range all[i].Object {
				changed[key] = v
			}
			changed[section] = spoiled(rt, all[i].Object[section])
			all[i].Object = changed
		}
		objects := map[fabric.Key]tree{}
		for _, r := range all {
			objects[r.Key] = r.Object
		}
		want := snapshot(t, all, nil)
		for _, in := range []Context{{}, {Live: want}, {Live: live(t, docs(wired, vpc1, gateway1))}} {
			in.Profiles = mustProfiles(t)
			for _, p := range Validate(want, in) {
				if p.Pointer != "" && nearest(objects[p.Key], p.Pointer) != p.Pointer {
					rt.Errorf("%s of %s points to %s, which is not there", p.Rule, p.Key, p.Pointer)
				}
			}
		}
	})
}
