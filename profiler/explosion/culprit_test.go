package explosion

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTheLabelThatGrewIsNamed(t *testing.T) {
	nan := math.NaN()
	tests := []struct {
		name      string
		then, now float64
		labels    []Values
		want      []string
	}{
		{"a new label with a value for each request", 1000, 50_000, []Values{
			{"pod", 100, 100, 20_000}, {"code", 10, 10, 30_000}, {"request_id", 0, 49_000, 1000},
		}, []string{"request_id"}},
		{"pods and their instances", 1000, 3000, []Values{
			{"instance", 100, 300, 3000}, {"pod", 100, 300, 2800}, {"path", 10, 10, 300},
		}, []string{"pod", "instance"}},
		{"ties are for the label without which the fewest remain", 1000, 3000, []Values{
			{"version", 1, 3, 3000}, {"pod", 100, 300, 30},
		}, []string{"pod", "version"}},
		{"and then for the one that gained most", 1000, 3000, []Values{
			{"version", 1, 3, nan}, {"pod", 100, 300, nan},
		}, []string{"pod", "version"}},
		{"a label that grew a little beside one that grew a lot", 1000, 30_000, []Values{
			{"user", 100, 3000, 1000}, {"path", 10, 15, 20_000},
		}, []string{"user"}},
		{"two that grew freely, each by its part", 100, 900, []Values{
			{"a", 10, 30, 30}, {"b", 10, 30, 30},
		}, []string{"a", "b"}},
		{"nothing but more combinations", 1000, 3000, []Values{
			{"pod", 100, 100, 30}, {"path", 50, 51, 300},
		}, nil},
		{"the errors of two counts are no growth", 100_000, 300_000, []Values{
			{"pod", 10_000, 10_300, 30}, {"user", 1000, 3000, 300},
		}, []string{"user"}},
		{"a metric that was not there before", 0, 3000, []Values{{"id", 0, 3000, 1}}, []string{"id"}},
		{"nothing grew", 3000, 3000, []Values{{"id", 1, 3000, 1}}, nil},
		{"no numbers", nan, nan, []Values{{"id", nan, nan, nan}}, nil},
		{"endless numbers", 1, math.Inf(1), []Values{{"id", 1, math.Inf(1), 0}}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			for _, c := range Culprits(tt.then, tt.now, tt.labels) {
				got = append(got, c.Label)
				if !(c.Explains >= 0 && c.Explains <= 1 && c.Reduction >= 0 && c.Reduction <= 1) {
					t.Errorf("%+v is out of bounds", c)
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestACulpritSaysWhatItDid(t *testing.T) {
	got := Culprits(1000, 4000, []Values{{"user", 50, 100, 1000}})
	want := []Culprit{{"user", 50, 100, 0.5, 0.75}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// rows is a metric as sets of label values.
type rows []map[string]string

// values counts what Culprits is told of two states of a metric, by hand.
func values(then, now rows) (out []Values) {
	unique := func(r rows, label string) float64 {
		set := map[string]bool{}
		for _, row := range r {
			if v := row[label]; v != "" {
				set[v] = true
			}
		}
		return float64(len(set))
	}
	names := map[string]bool{}
	for _, row := range now {
		for n := range row {
			names[n] = true
		}
	}
	for n := range names {
		rest := map[string]bool{}
		for _, row := range now {
			var b strings.Builder
			for _, m := range []string{"pod", "instance", "path", "code", "user", "request_id", "version"} {
				if m != n {
					fmt.Fprintf(&b, "%q ", row[m])
				}
			}
			rest[b.String()] = true
		}
		out = append(out, Values{n, unique(then, n), unique(now, n), float64(len(rest))})
	}
	return out
}

func TestCulpritsOfMetricsMadeUp(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	// make returns series of pods, each with paths and codes.
	makes := func(pods, paths int, version string) (r rows) {
		for p := range pods {
			for q := range paths {
				for _, code := range []string{"200", "404", "500"} {
					r = append(r, map[string]string{"pod": fmt.Sprint("p", p), "instance": fmt.Sprint("10.0.0.", p),
						"path": fmt.Sprint("/", q), "code": code, "version": version})
				}
			}
		}
		return r
	}
	with := func(r rows, label string, n, each int) (out rows) {
		for _, row := range r {
			for range each {
				c := map[string]string{label: fmt.Sprint(rng.IntN(n))}
				for k, v := range row {
					c[k] = v
				}
				out = append(out, c)
			}
		}
		return out
	}
	for range 20 {
		pods, paths := 3+rng.IntN(10), 2+rng.IntN(8)
		before := makes(pods, paths, "v1")
		tests := []struct {
			name string
			now  rows
			want []string
		}{
			{"each request", with(before, "request_id", 1<<40, 20), []string{"request_id"}},
			{"more pods", makes(pods*4, paths, "v1"), []string{"instance", "pod"}},
			{"paths not made into templates", makes(pods, paths*12, "v1"), []string{"path"}},
			{"users", with(before, "user", 500, 10), []string{"user"}},
		}
		for _, tt := range tests {
			var got []string
			for _, c := range Culprits(float64(len(before)), float64(len(tt.now)), values(before, tt.now)) {
				got = append(got, c.Label)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("%s, %d pods, %d paths: %s", tt.name, pods, paths, diff)
			}
		}
	}
}
