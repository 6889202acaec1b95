package store

import (
	"errors"
	"fmt"

	"github.com/axiomhq/hyperloglog"

	"github.com/headgate/headgate/attribution"
	"github.com/headgate/headgate/profiler/sketch"
)

// sketchPrecision is the binary logarithm of how many registers a ledger's sketch
// has: its relative standard error is 0.8 %, see [sketch.StandardError]. Below some
// thousand series it lists them, and counts almost exactly.
const sketchPrecision = 14

// Sketches count the series of ledgers that share a store: HyperLogLog of the
// series' hashes ([sketch.Final]), under the version of the hash.
var Sketches = attribution.Sketching{New: newSeriesSketch, Read: readSeriesSketch}

type seriesSketch struct{ *hyperloglog.Sketch }

func newSeriesSketch() attribution.Sketch {
	s, err := hyperloglog.NewSketch(sketchPrecision, true)
	if err != nil {
		panic(err) // the precision is none
	}
	return seriesSketch{s}
}

// readSeriesSketch reads what AppendBinary wrote.
func readSeriesSketch(b []byte) (attribution.Sketch, error) {
	if len(b) == 0 || b[0] != sketch.Version {
		return nil, errors.New("the sketch is of another version")
	}
	s := new(hyperloglog.Sketch)
	if err := s.UnmarshalBinary(b[1:]); err != nil {
		return nil, fmt.Errorf("read sketch: %w", err)
	}
	return seriesSketch{s}, nil
}

// Insert implements [attribution.Sketch].
func (s seriesSketch) Insert(hash uint64) { s.InsertHash(hash) }

// Union implements [attribution.Sketch].
func (s seriesSketch) Union(o attribution.Sketch) error {
	other, ok := o.(seriesSketch)
	if !ok {
		return fmt.Errorf("%T cannot be merged with a sketch of the store", o)
	}
	return s.Merge(other.Sketch)
}

// Estimate implements [attribution.Sketch].
func (s seriesSketch) Estimate() uint64 { return sketch.Estimate(s.Sketch) }

// AppendBinary implements [attribution.Sketch].
func (s seriesSketch) AppendBinary(b []byte) ([]byte, error) {
	return s.Sketch.AppendBinary(append(b, sketch.Version))
}
