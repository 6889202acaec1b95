package inventory

import (
	"cmp"
	"encoding/binary"
	"slices"
	"strings"

	"github.com/headgate/headgate/internal/series"
	"github.com/headgate/headgate/profiler/sketch"
)

// A Query asks for series.
type Query struct {
	Selectors []*series.Selector // any of them; none means all
	By        []string           // labels whose values make groups; none means no groups
	Examples  int                // how many series are to be named

	// Match, where it is set, has to accept a series as well. The labels are valid
	// until it returns.
	Match func(series.Labels, Verdict) bool

	// Verdict, where it is set, has to accept a series' verdict as well. It is asked
	// once for those that follow each other with the same.
	Verdict func(Verdict) bool

	// Passes, where it is set, says how many of a series' samples per second are
	// meant, by its verdict; ok is false where the series is not meant at all.
	Passes func(v Verdict, perSecond float64) (meant float64, ok bool)
}

// A Tally adds up what metrics say of one query. The zero value is ready. It holds
// nothing of the metrics: each may change after its Gather.
type Tally struct {
	sums     [quantities]sum
	groups   map[string]*group
	split    [quantities]sum // what groups share: the heaviest part of a family
	examples []example       // by hash, smallest first
	metrics  int
	gathering
}

type group struct {
	values []string
	sums   [quantities]sum
}

type example struct {
	hash   sketch.Hash
	labels series.Labels
}

// A Result answers a query.
type Result struct {
	Series    Estimate // in the window
	Forwarded Estimate // of them
	PerSecond Estimate // samples, received; series of unknown interval count as their metric's mean

	// AtMost is how many there may be where none was seen: more only in 5 of 100
	// samples. It is 0 where it is certain that there are none.
	AtMost float64

	Groups   []Group         // by Series, the greatest first
	Examples []series.Labels // those with the smallest hashes
	Metrics  int             // in which some were seen
}

// A Group is the series that have the same values of the labels asked for.
type Group struct {
	Values    []string // in the order of Query.By; "" where the label is absent
	Series    Estimate
	PerSecond Estimate
}

// Result returns what was added up.
func (t *Tally) Result() Result {
	r := Result{
		Series: t.sums[ofSeries].estimate(), Forwarded: t.sums[ofForwarded].estimate(),
		PerSecond: t.sums[ofPerSecond].estimate(), Metrics: t.metrics,
	}
	if r.Series.Value == 0 {
		r.AtMost = r.Series.Error
	}
	for _, g := range t.groups {
		for i := range g.sums {
			shared, own := &t.split[i], &g.sums[i]
			own.family, own.familyVariance, own.none = shared.family, shared.familyVariance, shared.none
		}
		r.Groups = append(r.Groups, Group{g.values, g.sums[ofSeries].estimate(), g.sums[ofPerSecond].estimate()})
	}
	slices.SortFunc(r.Groups, func(a, b Group) int {
		return cmp.Or(cmp.Compare(b.Series.Value, a.Series.Value), slices.Compare(a.Values, b.Values))
	})
	for _, e := range t.examples {
		r.Examples = append(r.Examples, e.labels)
	}
	return r
}

// Reset empties t. It keeps its memory, and what it found out of selectors, for
// another metric of the same inventory.
func (t *Tally) Reset() {
	t.sums, t.split, t.metrics = [quantities]sum{}, [quantities]sum{}, 0
	clear(t.groups)
	t.examples = t.examples[:0]
}

// group returns the group with those values, which it copies.
func (t *Tally) group(values []string) *group {
	t.key = t.key[:0]
	for _, v := range values {
		t.key = binary.AppendUvarint(t.key, uint64(len(v)))
		t.key = append(t.key, v...)
	}
	g := t.groups[string(t.key)]
	if g == nil {
		if t.groups == nil {
			t.groups = map[string]*group{}
		}
		g = &group{values: slices.Clone(values)}
		for i, v := range values {
			g.values[i] = strings.Clone(v)
		}
		t.groups[string(t.key)] = g
	}
	return g
}

// example keeps a series among the n with the smallest hashes, where it is one.
func (t *Tally) example(n int, hash sketch.Hash, labels func() series.Labels) {
	if n <= 0 || len(t.examples) == n && hash >= t.examples[n-1].hash {
		return
	}
	at, found := slices.BinarySearchFunc(t.examples, hash, func(e example, h sketch.Hash) int { return cmp.Compare(e.hash, h) })
	if found {
		return
	}
	ls := labels()
	if ls == nil {
		return
	}
	t.examples = slices.Insert(t.examples, at, example{hash, ls.Clone()})
	t.examples = t.examples[:min(len(t.examples), n)]
}
