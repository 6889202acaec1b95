package profiler

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/headgate/headgate/internal/series"
)

// A shape is a population that is hard to count: label i of series n.
type hardShape struct {
	name   string
	labels int
	value  func(n, label int, r *rand.Rand) string
}

var hardShapes = []hardShape{
	{"one label huge", 4, func(n, label int, r *rand.Rand) string {
		if label == 0 {
			return fmt.Sprintf("%016x", r.Uint64())
		}
		return fmt.Sprint(r.IntN(3))
	}},
	{"all labels independent", 5, func(_, _ int, r *rand.Rand) string { return fmt.Sprint(r.IntN(12)) }},
	{"sequential integers", 3, func(n, label int, _ *rand.Rand) string { return fmt.Sprint(n / []int{1, 7, 100}[label]) }},
	{"values of equal length", 3, func(n, label int, _ *rand.Rand) string {
		return fmt.Sprintf("%08d", n%[]int{100_003, 5000, 11}[label])
	}},
	{"labels that some series lack", 3, func(n, label int, _ *rand.Rand) string {
		if label > 0 && n%(label+2) == 0 {
			return ""
		}
		return fmt.Sprint(n % []int{100_003, 300, 40}[label])
	}},
	{"twins: two labels that always agree", 3, func(n, label int, _ *rand.Rand) string {
		return fmt.Sprint(n / []int{2, 2, 1}[label])
	}},
}

// Estimates of large metrics against exact counts, on populations that are hard to
// count: DESIGN, section 6, bounds their errors over more than 1000 estimates.
func TestEstimatesAgainstExactCounts(t *testing.T) {
	var all []float64 // relative errors of estimates over 10 000
	var table strings.Builder
	fmt.Fprintf(&table, "\n%-40s %10s %10s %10s\n", "RMS error of", "series", "values", "without")
	names := []string{"a", "b", "c", "d", "e"}
	for s, shape := range hardShapes {
		var of [3][]float64
		for run := range runs {
			r := rand.New(rand.NewPCG(uint64(s), uint64(run)))
			f := newFixture(t, func(c *Config) { c.exactRows = 1000 })
			n := 11_000 + r.IntN(1000)
			exact := newExactCount(shape.labels)
			var list []series.Labels
			for i := range n {
				ls := series.Labels{{Name: series.MetricName, Value: "m"}}
				values := make([]string, shape.labels)
				for l := range values {
					values[l] = shape.value(run*1_000_000+i, l, r)
					ls = append(ls, series.Label{Name: names[l], Value: values[l]})
				}
				exact.add(values)
				list = append(list, ls)
			}
			f.see(list...)
			d := f.metric(t, "m")
			note := func(kind int, got, want float64) {
				if want > 10_000 {
					all = append(all, got/want-1)
				} else if want <= 100 && got != want {
					t.Errorf("%s: %v estimated as %v, want it exact", shape.name, want, got)
				}
				if want > 0 {
					of[kind] = append(of[kind], got/want-1)
				}
			}
			note(0, d.Series, exact.series())
			for l := range shape.labels {
				row := d.label(t, names[l])
				note(1, row.Values, exact.values(l))
				note(2, row.SeriesWithout, exact.without(l))
			}
		}
		fmt.Fprintf(&table, "%-40s %9.2f%% %9.2f%% %9.2f%%\n", shape.name, 100*rms(of[0]), 100*rms(of[1]), 100*rms(of[2]))
		for kind, what := range []string{"series", "values", "series without"} {
			if e := rms(of[kind]); e > 0.016 {
				t.Errorf("%s: RMS error of %s is %.2f %%, want 1.6 %% at most", shape.name, what, 100*e)
			}
		}
	}
	off := 0
	for _, e := range all {
		if math.Abs(e) > 0.022 {
			off++
		}
	}
	fmt.Fprintf(&table, "%d estimates over 10 000: RMS error %.2f %%, %d more than 2.2 %% off", len(all), 100*rms(all), off)
	t.Log(table.String())
	if float64(off) > 0.01*float64(len(all)) {
		t.Errorf("%d of %d estimates are more than 2.2 %% off, want 1 %% of them at most", off, len(all))
	}
}

func rms(errors []float64) float64 {
	sum := 0.0
	for _, e := range errors {
		sum += e * e
	}
	return math.Sqrt(sum / float64(max(1, len(errors))))
}

// An exactCount counts series, values and series without a label in maps.
type exactCount struct {
	all   map[string]struct{}
	value []map[string]struct{}
	rest  []map[string]struct{}
	key   []byte
}

func newExactCount(labels int) *exactCount {
	c := &exactCount{all: map[string]struct{}{}}
	for range labels {
		c.value, c.rest = append(c.value, map[string]struct{}{}), append(c.rest, map[string]struct{}{})
	}
	return c
}

// add counts a series with these values; an empty one is no label.
func (c *exactCount) add(values []string) {
	put := func(set map[string]struct{}, without int) {
		c.key = c.key[:0]
		for l, v := range values {
			if l != without {
				c.key = append(c.key, v...)
			}
			c.key = append(c.key, 0)
		}
		if _, ok := set[string(c.key)]; !ok {
			set[string(c.key)] = struct{}{}
		}
	}
	put(c.all, -1)
	for l, v := range values {
		if put(c.rest[l], l); v != "" {
			c.value[l][v] = struct{}{}
		}
	}
}

func (c *exactCount) series() float64          { return float64(len(c.all)) }
func (c *exactCount) values(label int) float64 { return float64(len(c.value[label])) }
func (c *exactCount) without(label int) float64 {
	return float64(len(c.rest[label]))
}
