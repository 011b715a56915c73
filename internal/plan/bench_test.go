package plan_test

import (
	"testing"

	"github.com/hedgesync/hedgesync/internal/plan"
	"github.com/hedgesync/hedgesync/internal/wiringtest"
)

const many = 5000

func BenchmarkMake(b *testing.B) {
	objects := wiringtest.Sized(many)
	c, r := applied(objects...)
	unmoved := plan.Input{Fabric: "lab", Want: wanted(objects...), Have: c.snapshot(nil), Base: r.entries(), Settings: enforced()}

	metadata := unmoved
	metadata.Have = light(unmoved.Have, r, nil)

	// Every object was touched without being changed, so every body is compared.
	compared := unmoved
	compared.Base = nil
	for _, e := range r.entries() {
		e.ResourceVersion = "0"
		compared.Base = append(compared.Base, e)
	}

	create := plan.Input{Fabric: "lab", Want: wanted(objects...), Have: newCluster().snapshot(nil), Settings: enforced()}

	one := unmoved
	one.Want = wanted(with(objects, describedServer("server-0001", "changed"))...)

	for name, in := range map[string]plan.Input{"metadata": metadata, "unmoved": unmoved, "compared": compared, "create": create, "one": one} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if p := plan.Make(in); len(p.Changes) < many {
					b.Fatalf("%d changes", len(p.Changes))
				}
			}
		})
	}
}

func TestGeneratedFabricsAreCreatedInFourTiers(t *testing.T) {
	t.Parallel()
	objects := wiringtest.Sized(500)
	c, r := newCluster(), record{}
	in := plan.Input{Fabric: "lab", Want: wanted(objects...), Have: c.snapshot(nil), Settings: enforced()}
	p := plan.Make(in)
	if p.Summary != (plan.Summary{Add: len(objects)}) || len(p.Order) != 4 {
		t.Fatalf("%+v in %d waves\n%s", p.Summary, len(p.Order), rendered(t, p))
	}
	if err := c.run(p, r, 50); err != nil {
		t.Fatal(err)
	}
	in.Have, in.Base = c.snapshot(nil), r.entries()
	if again := plan.Make(in); again.Summary != (plan.Summary{Nothing: len(objects)}) {
		t.Errorf("a second plan is not empty: %+v", again.Summary)
	}
}
