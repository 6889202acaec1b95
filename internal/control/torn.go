package control

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/headgate/headgate/internal/series"
	"github.com/headgate/headgate/internal/tenant"
	"github.com/headgate/headgate/profiler/sketch"
)

const (
	maxFamilies = 10_000 // names of families of one tenant that are noted
	maxTorn     = 100    // of which it is looked whether they are torn apart
	namedParts  = 4      // of a family that are named
)

// familyOf returns the name of the histogram or summary that a series is part of; ok
// is false where it looks like none.
func familyOf(metric string, ls series.Labels) (base string, ok bool) {
	le, quantile := ls.Get("le") != "", ls.Get("quantile") != ""
	base = sketch.BaseName(metric, le, quantile)
	return base, base != metric || quantile
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

// A torn is one family while it is looked at.
type torn struct{ takes, leaves []string }

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
	byHash := map[sketch.Hash]*torn{}
	for _, ending := range []string{"", "_bucket", "_sum", "_count"} {
		if !e.profiler.DrawMetric(t, base+ending, &e.draw) {
			continue
		}
		judge()
		for i := range e.draw.Rows {
			row, o := &e.draw.Rows[i], &e.outcomes[i]
			part, ok := partOf(ending, row.Labels)
			if !ok {
				continue
			}
			f := byHash[row.Family]
			if f == nil {
				f = &torn{}
				byHash[row.Family] = f
			}
			if o.gone || o.thinned {
				f.takes = append(f.takes, part)
			} else {
				f.leaves = append(f.leaves, part)
			}
		}
	}
	x := tear{base: base, takes: map[string]bool{}, leaves: map[string]bool{}}
	for _, f := range byHash {
		x.add(f)
	}
	return x.String()
}

// partOf returns which part of its family a series is; ok is false where it is none.
func partOf(ending string, ls series.Labels) (part string, ok bool) {
	if ending == "_bucket" {
		le := ls.Get("le")
		return fmt.Sprintf("_bucket{le=%q}", le), le != ""
	}
	if quantile := ls.Get("quantile"); ending == "" {
		return fmt.Sprintf("{quantile=%q}", quantile), quantile != ""
	}
	return ending, true
}

const infinite = `_bucket{le="+Inf"}`

// add adds one family, if it is torn.
func (x *tear) add(f *torn) {
	if len(f.takes) == 0 || len(f.leaves) == 0 {
		return
	}
	x.families++
	isBucket := func(p string) bool { return strings.HasPrefix(p, "_bucket") }
	someGo, someStay := slices.ContainsFunc(f.takes, isBucket), slices.ContainsFunc(f.leaves, isBucket)
	x.bucketsPart = x.bucketsPart || someGo && someStay
	x.takesInf = x.takesInf || someStay && slices.Contains(f.takes, infinite)
	for _, p := range f.takes {
		x.takes[p] = true
	}
	for _, p := range f.leaves {
		x.leaves[p] = true
	}
}

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
