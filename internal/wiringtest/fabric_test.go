package wiringtest_test

import (
	"reflect"
	"testing"

	"github.com/hedgesync/hedgesync/internal/wiringtest"
)

var everything = wiringtest.Spec{Spines: 2, Pairs: 2, Leaves: 2, Servers: 40, VPCs: 6, Subnets: 3, Attachments: 100, Peerings: 3, Externals: 5, Gateways: 2}

func TestEverySizeIsExact(t *testing.T) {
	t.Parallel()
	for n := 10; n <= 5000; n += 1 + n/40 {
		if got := len(wiringtest.Sized(n)); got != n {
			t.Errorf("Sized(%d) has %d objects", n, got)
		}
	}
}

func TestTheSameSpecIsTheSameFabric(t *testing.T) {
	t.Parallel()
	if !reflect.DeepEqual(wiringtest.Fabric(everything), wiringtest.Fabric(everything)) {
		t.Error("two fabrics differ")
	}
}
