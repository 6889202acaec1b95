// Package inventory keeps the label sets of series: of all series of a metric
// while they are few, of a sample beyond.
//
//	Inventory   what the metrics of a tenant share: values, shapes, verdicts
//	Metric      the rows of one metric, and the threshold they are kept under
//	Tally       what the rows say of a query, over as many metrics as it takes
//
// The sample is one of families: a family is kept where its hash falls under the
// metric's threshold, and then with all its series. Which series are asked for has
// no part in that, so every question can be answered from the same sample, with
// error bars that count families. Hashes are those of package sketch, the same in
// every process, so the rows of two processes are united by hash.
//
// Time is counted in parts, as in package sketch: a window is [sketch.Parts] parts.
package inventory

import (
	"github.com/headgate/headgate/internal/series"
	"github.com/headgate/headgate/profiler/sketch"
)

// An Inventory holds what the metrics of one tenant have in common. It and its
// metrics are not safe for concurrent use; what only reads may run beside what
// only reads.
//
// Strings that it gives out may be kept. They are parts of larger ones, of some 10
// KiB, which live as long as they do: clone those that are kept for long.
type Inventory struct {
	values   dictionary
	shapes   shapes
	verdicts verdicts
	size     int64 // bytes of all metrics; the three above count their own
}

// New returns an Inventory without metrics.
func New() *Inventory {
	v := &Inventory{}
	v.values.init()
	return v
}

// Bytes returns the memory that the inventory and its metrics take.
func (v *Inventory) Bytes() int64 {
	return inventoryBytes + v.size + v.values.size + v.shapes.size + v.verdicts.size
}

// inventoryBytes is the size of an Inventory itself.
const inventoryBytes = 288

// A Verdict is what the policy says of a series.
type Verdict struct {
	Team     string
	Action   string // keep, drop or downsample
	Rule     string // that decided; "" where none did
	Priority series.Priority
}

// Seen is one sighting of a series. Its strings need only live until Observe
// returns.
type Seen struct {
	Labels       series.Labels
	Sum          uint64      // sketch.Sum of Labels
	Hash, Family sketch.Hash // sketch.Final of Sum; sketch.Family of Labels
	Part         int64
	Verdict      Verdict
	Forwarded    bool   // not all of its samples are removed
	IntervalMs   uint32 // between its samples; 0 where that is unknown, and what was known stays
	Value        uint64 // bits of its latest value
	Valued       bool   // it has one: no histogram, no stale marker, not only exemplars
}
