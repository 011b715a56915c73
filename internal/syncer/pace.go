package syncer

import (
	"time"

	"github.com/hedgesync/hedgesync/internal/fabric"
)

// batchTarget is how long a batch should take: a third of its hard limit leaves
// room for a server that is busier than last time.
const batchTarget = batchBudget / 3

// smallestBatch is the least a slow server is given at a time.
const smallestBatch = 10

// fitting returns how many objects a batch may hold: as many as the fabric allows,
// fewer where the last run's slowest batch took each per object.
func fitting(allowed int, each time.Duration) int {
	if each <= 0 {
		return allowed
	}
	return min(allowed, max(smallestBatch, int(batchTarget/each)))
}

// measure remembers the slowest batch of this run for the next one's batches.
func (e *execution) measure(objects int, took time.Duration) {
	each := took / time.Duration(objects)
	if each <= e.slowest {
		return
	}
	e.slowest = each
	if e.Memory != nil {
		e.Memory.Keep(paceName(e.settings.ID), "", []byte(each.String()))
	}
}

// pace returns what an object took in the slowest batch of the last run; 0 is not known.
func (c *Coordinator) pace(id fabric.ID) time.Duration {
	if c.Memory == nil {
		return 0
	}
	kept, _ := c.Memory.Recall(paceName(id), "")
	each, err := time.ParseDuration(string(kept))
	if err != nil {
		return 0
	}
	return each
}

func paceName(id fabric.ID) string { return string(id) + ".pace" }
