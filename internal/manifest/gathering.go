package manifest

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/hedgesync/hedgesync/internal/fabric"
)

// gathering collects objects, problems and gaps, document by document.
type gathering struct {
	options  Options
	docs     []document
	found    map[fabric.Key][]finding
	problems []fabric.Problem
	gaps     []gap

	doc     int // the document at hand
	outline *outline
}

// finding is one object under its key. A bad one is reported and not kept.
type finding struct {
	resource fabric.Resource
	place    place
	bad      bool
}

// gap is something that could not be taken in: an object of kind, or, for the
// zero Kind, one of any kind.
type gap struct {
	kind   fabric.Kind
	origin fabric.Origin
}

func newGathering(o Options, docs []document) *gathering {
	return &gathering{options: o, docs: docs, found: make(map[fabric.Key][]finding, len(docs))}
}

// unreadable takes over problems with files: an Error is a gap in every kind.
func (g *gathering) unreadable(ps []fabric.Problem) {
	for _, p := range ps {
		g.problems = append(g.problems, p)
		if p.Severity == fabric.Error {
			g.gaps = append(g.gaps, gap{origin: p.Origin})
		}
	}
}

// document takes in one document.
func (g *gathering) document(i int, d decoded) {
	g.doc, g.outline = i, nil
	if d.unread != nil {
		g.anyKind("", *d.unread)
		return
	}
	if g.undecided(d) {
		return
	}
	switch v := d.value.(type) {
	case nil:
	case map[string]any:
		g.object(v, "", d)
	case []any:
		g.list(v)
	default:
		g.anyKind("", flaw{rule: "yaml.text", message: "the whole document is " + describe(v), hint: "if it is not a manifest, give the file another suffix"})
	}
}

// undecided reports a document with flaws that leave open what it is.
func (g *gathering) undecided(d decoded) bool {
	object, isMap := d.value.(map[string]any)
	if len(d.flaws) == 0 || isMap && !slices.ContainsFunc(d.flaws, func(f flaw) bool { return vague(object, f.pointer) }) {
		return false
	}
	for _, f := range d.flaws {
		g.anyKind("", f)
	}
	return true
}

// vague reports whether a flaw at pointer leaves open which objects a document holds.
func vague(object map[string]any, pointer string) bool {
	if list, isList := items(object); isList {
		rest, inside := within(pointer, "/items")
		at := tokens(rest)
		if !inside || len(at) == 0 {
			return true
		}
		i, err := strconv.Atoi(at[0])
		if err != nil || i >= len(list) {
			return true
		}
		item, isMap := list[i].(map[string]any)
		return !isMap || vague(item, strings.TrimPrefix(rest, "/"+at[0]))
	}
	return slices.Contains([]string{"", "/apiVersion", "/kind", "/items", "/metadata", "/metadata/name", "/metadata/namespace"}, pointer)
}

// list takes in a document that is a bare sequence: no manifest, unless there are
// objects in it.
func (g *gathering) list(values []any) {
	for _, v := range values {
		if object, isMap := v.(map[string]any); isMap && resemblesObject(object) {
			g.anyKind("", flaw{rule: "yaml.sequence", message: "objects in a bare sequence",
				hint: "separate them by ---, or make them the items of an object of kind List"})
			return
		}
	}
	g.notObject("")
}

func resemblesObject(m map[string]any) bool {
	metadata, _ := m["metadata"].(map[string]any)
	return m["apiVersion"] != nil || m["kind"] != nil || metadata["name"] != nil
}

func (g *gathering) notObject(at string) {
	g.report(at, fabric.Key{}, fabric.Note, flaw{rule: "yaml.not-object", message: "YAML, but not a Kubernetes object; it is left alone"})
}

// object takes in the mapping at a pointer of the document: an object, or a list
// of objects.
func (g *gathering) object(m map[string]any, at string, d decoded) {
	if !resemblesObject(m) {
		g.notObject(at)
		return
	}
	list, isList := items(m)
	if !isList {
		g.single(m, at, d)
		return
	}
	for i, item := range list {
		here := join(join(at, "items"), fmt.Sprint(i))
		if object, isMap := item.(map[string]any); isMap && resemblesObject(object) {
			g.object(object, here, d)
		} else {
			g.anyKind(here, flaw{rule: "object.item", message: "an item that is not an object"})
		}
	}
}

// single takes in one object.
func (g *gathering) single(m map[string]any, at string, d decoded) {
	id, flaws := kindOf(m)
	if len(flaws) > 0 {
		for _, f := range flaws {
			g.anyKind(at, f)
		}
		return
	}
	accepted := g.accept(&id, m, at)
	flaws = append(id.nameOf(m), textMaps(m)...)
	for _, f := range d.flaws {
		if rest, inside := within(f.pointer, at); inside {
			f.pointer = rest
			flaws = append(flaws, f)
		}
	}
	if !accepted {
		return
	}
	for _, f := range flaws {
		g.ofKind(id.key, at, f)
	}
	if id.key.Name != "" && id.key.Namespace != "" {
		g.keep(id, m, at, d, len(flaws) > 0)
	}
}

// accept asks whether the kind belongs here, and reports why not. A refused object
// that may be meant as one of the covered kinds leaves a gap in that kind.
func (g *gathering) accept(id *identity, m map[string]any, at string) bool {
	if g.options.Accept == nil {
		return true
	}
	p, ok := g.options.Accept(id.key.Kind, id.version)
	if p.Rule != "" {
		key := *id
		if flaws := key.nameOf(m); len(flaws) > 0 {
			key = *id
		}
		p.Key, p.Pointer = key.key, cmp.Or(p.Pointer, "/kind")
		p.Origin = g.find(at + p.Pointer)
		g.problems = append(g.problems, p)
	}
	if ok {
		return true
	}
	for _, k := range g.options.Kinds {
		if meant(id.key.Kind, k) {
			g.gaps = append(g.gaps, gap{kind: k, origin: g.find(at)})
		}
	}
	return false
}

func (g *gathering) keep(id identity, m map[string]any, at string, d decoded, bad bool) {
	r := fabric.Resource{Key: id.key, Version: id.version, Object: m, Hash: d.hash, Origin: g.find(at)}
	if at != "" {
		r.Hash = fabric.HashOf(m)
	}
	g.found[id.key] = append(g.found[id.key], finding{resource: r, place: place{doc: g.doc, pointer: at}, bad: bad})
}

// anyKind reports an Error in something that may be an object of any kind.
func (g *gathering) anyKind(at string, f flaw) {
	g.gaps = append(g.gaps, gap{origin: g.report(at, fabric.Key{}, fabric.Error, f)})
}

// ofKind reports an Error in an object of a known kind.
func (g *gathering) ofKind(key fabric.Key, at string, f flaw) {
	g.gaps = append(g.gaps, gap{kind: key.Kind, origin: g.report(at, key, fabric.Error, f)})
}

// report adds a problem with the object at a pointer of the document.
func (g *gathering) report(at string, key fabric.Key, s fabric.Severity, f flaw) fabric.Origin {
	origin := f.place
	if origin.Line == 0 {
		origin = g.find(at + f.pointer)
	}
	g.problems = append(g.problems, fabric.Problem{Rule: f.rule, Severity: s, Origin: origin, Key: key, Pointer: f.pointer, Message: f.message, Hint: f.hint})
	return origin
}

// find returns where the value at a pointer of the document at hand is written.
func (g *gathering) find(pointer string) fabric.Origin {
	doc := g.docs[g.doc]
	if pointer == "" {
		return doc.origin
	}
	if g.outline == nil {
		// Without an outline everything is placed where the document begins.
		o, _ := outlineOf(doc)
		g.outline = &o
	}
	return g.outline.find(pointer)
}
