package control

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/headgate/headgate/internal/series"
	"github.com/headgate/headgate/internal/tenant"
	"github.com/headgate/headgate/profiler/inventory"
	"github.com/headgate/headgate/profiler/sketch"
)

const (
	maxFamilies = 10_000 // names of families of one tenant that are noted
	maxTorn     = 100    // of which it is looked whether they are torn apart
	namedParts  = 4      // of a family that are named
)

// familyOf returns the name of the histogram or summary that a series of a metric is
// part of; ok is false where it looks like none.
func familyOf(metric string, row *inventory.Drawn) (base string, ok bool) {
	base = sketch.BaseName(metric, row.Le, row.Quantile)
	return base, base != metric || row.Quantile
}

// A tear is what a rule takes from the families of one name, and leaves of them.
type tear struct {
	base        string
	families    int
	takes       map[string]bool // parts as PromQL writes them behind the name
	leaves      map[string]bool
	takesInf    bool // le="+Inf" goes while other buckets stay
	bucketsPart bool // some buckets go while others stay
}

// A torn says what becomes of one family.
type torn uint8

const (
	someGo torn = 1 << iota
	someStay
	bucketsGo
	bucketsStay
)

// apart reports whether some series go and others stay.
func (f torn) apart() bool { return f&someGo != 0 && f&someStay != 0 }

// tear looks for families of t of which some series are removed or thinned and others
// are not. families are the names that may be meant; judge judges what is drawn.
func (e *effect) tear(t tenant.ID, families map[string]int, judge func()) {
	names := make([]string, 0, len(families))
	for name := range families {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int {
		return cmp.Or(cmp.Compare(families[b], families[a]), cmp.Compare(a, b))
	})
	for _, base := range names[:min(len(names), maxTorn)] {
		if e.late() || len(e.torn) >= maxTorn {
			return
		}
		if text := e.tearOf(t, base, judge); text != "" {
			e.torn = append(e.torn, text)
		}
	}
}

// tearOf says how the families called base are torn apart, or nothing.
func (e *effect) tearOf(t tenant.ID, base string, judge func()) string {
	if !e.judged.tears(base, base+bucketEnding, base+"_sum", base+"_count") {
		return ""
	}
	families := map[sketch.Hash]torn{}
	e.parts(t, base, e.judged.names, judge, func(ending string, row *inventory.Drawn, o *outcome) {
		families[row.Family] |= fate(ending == bucketEnding, o.gone || o.thinned)
	})
	x := tear{base: base, takes: map[string]bool{}, leaves: map[string]bool{}}
	for _, f := range families {
		if f.apart() {
			x.families++
			x.bucketsPart = x.bucketsPart || f&bucketsGo != 0 && f&bucketsStay != 0
		}
	}
	if x.families == 0 {
		return ""
	}
	e.parts(t, base, append(slices.Clip(e.judged.names), sketch.Le, sketch.Quantile), judge, func(ending string, row *inventory.Drawn, o *outcome) {
		f := families[row.Family]
		if !f.apart() {
			return
		}
		part := partOf(ending, row.Labels)
		if o.gone || o.thinned {
			x.takes[part] = true
			x.takesInf = x.takesInf || f&bucketsStay != 0 && part == infinite
		} else {
			x.leaves[part] = true
		}
	})
	return x.String()
}

// parts visits every series of the families called base, with some of its labels and
// what becomes of it.
func (e *effect) parts(t tenant.ID, base string, names []string, judge func(), visit func(ending string, row *inventory.Drawn, o *outcome)) {
	e.draw.Names, e.draw.Each = names, true
	for _, ending := range []string{"", bucketEnding, "_sum", "_count"} {
		if !e.profiler.DrawMetric(t, base+ending, &e.draw) {
			continue
		}
		judge()
		for i := range e.draw.Rows {
			row := &e.draw.Rows[i]
			if ending == "" && !row.Quantile || ending == bucketEnding && !row.Le {
				continue // it is no part
			}
			visit(ending, row, &e.outcomes[i])
		}
	}
}

const bucketEnding = "_bucket"

// fate returns what a series that goes, or stays, says of its family.
func fate(bucket, goes bool) torn {
	switch {
	case goes && bucket:
		return someGo | bucketsGo
	case goes:
		return someGo
	case bucket:
		return someStay | bucketsStay
	}
	return someStay
}

// partOf returns which part of its family a series is.
func partOf(ending string, ls series.Labels) string {
	switch ending {
	case bucketEnding:
		return fmt.Sprintf("_bucket{le=%q}", ls.Get(sketch.Le))
	case "":
		return fmt.Sprintf("{quantile=%q}", ls.Get(sketch.Quantile))
	}
	return ending
}

const infinite = `_bucket{le="+Inf"}`

// String says how the families are torn; "" where they are not.
func (x *tear) String() string {
	if x.families == 0 {
		return ""
	}
	text := fmt.Sprintf("%s: takes %s and leaves %s", x.base, partsText(x.takes), partsText(x.leaves))
	switch {
	case x.takesInf:
		text += `; without le="+Inf" no quantile can be computed`
	case x.bucketsPart:
		text += "; quantiles of the buckets that are left are coarser"
	}
	if x.families > 1 {
		text += fmt.Sprintf(" (in %d families)", x.families)
	}
	return text
}

// partsText names parts, the first few of buckets.
func partsText(parts map[string]bool) string {
	var list, buckets []string
	for p := range parts {
		if p != infinite && (strings.HasPrefix(p, "_bucket") || strings.HasPrefix(p, "{")) {
			buckets = append(buckets, p)
		} else {
			list = append(list, p)
		}
	}
	slices.Sort(list)
	slices.Sort(buckets)
	if n := len(buckets) - namedParts; n > 0 {
		buckets = append(buckets[:namedParts], fmt.Sprintf("%d more", n))
	}
	return strings.Join(append(buckets, list...), ", ")
}
