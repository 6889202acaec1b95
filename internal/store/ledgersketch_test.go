package store

import (
	"strconv"
	"testing"

	"github.com/headgate/headgate/internal/series"
	"github.com/headgate/headgate/profiler/sketch"
)

// sketchOf returns a sketch of n series, numbered from first on, written and read.
func sketchOf(t *testing.T, first, n int) seriesSketch {
	t.Helper()
	s := Sketches.New()
	for i := range n {
		ls := series.Labels{{Name: "__name__", Value: "up"}, {Name: "pod", Value: strconv.Itoa(first + i)}}
		s.Insert(uint64(sketch.Final(sketch.Sum(ls))))
	}
	b, err := s.AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	read, err := Sketches.Read(b)
	if err != nil {
		t.Fatal(err)
	}
	return read.(seriesSketch)
}

// What two writers saw counts once, after both were written and read; few series
// count exactly, many within three standard errors.
func TestSketchesOfTheStoreMergeByUnion(t *testing.T) {
	for _, n := range []int{1, 30, 900, 40_000} {
		a, b := sketchOf(t, 0, n), sketchOf(t, n/2, n)
		if err := a.Union(b); err != nil {
			t.Fatal(err)
		}
		want := float64(n + n/2)
		allowed := 0.0
		if n > 1000 {
			allowed = 3 * sketch.StandardError(sketchPrecision) * want
		}
		if got := float64(a.Estimate()); got < want-allowed-0.5 || got > want+allowed+1 {
			t.Errorf("two of %d series with half in common count %v, want %v ± %.0f", n, got, want, allowed)
		}
	}
}

func TestDamagedSketchesAreErrors(t *testing.T) {
	good, err := sketchOf(t, 1, 2000).AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string][]byte{
		"nothing": nil, "another version": append([]byte{9}, good[1:]...), "cut off": good[:5], "only a version": good[:1],
	} {
		if _, err := Sketches.Read(b); err == nil {
			t.Errorf("%s: read without an error", name)
		}
	}
}
