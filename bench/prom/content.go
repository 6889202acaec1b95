package prom

import (
	"fmt"
	"maps"
	"slices"

	"github.com/prometheus/prometheus/model/value"
)

// A Point is one float sample or one native histogram. Two points are the same
// sample if they are equal: floats are held as bits, histograms as text that
// shows every field.
type Point struct {
	Ms        int64  // timestamp, milliseconds
	Bits      uint64 // of the float value; of the sum of a histogram
	Histogram string // "" for a float sample
}

// Stale reports whether p is a stale marker.
func (p Point) Stale() bool { return p.Bits == value.StaleNaN }

// Content is the points of every series, in order of time. The key is the
// series as Prometheus prints it.
type Content map[string][]Point

// Points counts the points of all series.
func (c Content) Points() int {
	n := 0
	for _, points := range c {
		n += len(points)
	}
	return n
}

// Filter returns the series whose name keep accepts; c stays as it is.
func (c Content) Filter(keep func(series string) bool) Content {
	out := maps.Clone(c)
	maps.DeleteFunc(out, func(series string, _ []Point) bool { return !keep(series) })
	return out
}

// A Difference says how one Content departs from another, in points.
type Difference struct {
	Missing int    // wanted and not there
	Wrong   int    // there with another value or of another kind
	Extra   int    // there and never wanted: doubled or invented
	First   string // the first departure, for people
}

// Zero reports whether there is none.
func (d Difference) Zero() bool { return d.Missing == 0 && d.Wrong == 0 && d.Extra == 0 }

func (d Difference) String() string {
	s := fmt.Sprintf("missing=%d wrong=%d extra=%d", d.Missing, d.Wrong, d.Extra)
	if d.First != "" {
		s += " (first: " + d.First + ")"
	}
	return s
}

func (d *Difference) note(count *int, format string, args ...any) {
	*count++
	if d.First == "" {
		d.First = fmt.Sprintf(format, args...)
	}
}

// Compare says how got departs from want.
func Compare(want, got Content) Difference {
	var d Difference
	names := slices.Collect(maps.Keys(want))
	for name := range got {
		if _, ok := want[name]; !ok {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		d.compareSeries(name, want[name], got[name])
	}
	return d
}

func (d *Difference) compareSeries(name string, want, got []Point) {
	for len(want) > 0 || len(got) > 0 {
		switch {
		case len(got) == 0 || len(want) > 0 && want[0].Ms < got[0].Ms:
			d.note(&d.Missing, "%s: %v is missing", name, want[0])
			want = want[1:]
		case len(want) == 0 || got[0].Ms < want[0].Ms:
			d.note(&d.Extra, "%s: %v was never wanted", name, got[0])
			got = got[1:]
		default:
			if want[0] != got[0] {
				d.note(&d.Wrong, "%s: %v, want %v", name, got[0], want[0])
			}
			want, got = want[1:], got[1:]
		}
	}
}

// Thin returns what a downsample rule of the given interval (milliseconds)
// keeps of one series: the first point of each interval, every stale marker,
// and the first point after one.
func Thin(points []Point, intervalMs int64) []Point {
	var kept []Point
	fresh, last := true, int64(0)
	for _, p := range points {
		switch {
		case p.Stale():
			fresh = true
		case fresh || p.Ms/intervalMs != last/intervalMs:
			fresh, last = false, p.Ms
		default:
			continue
		}
		kept = append(kept, p)
	}
	return kept
}
