package querylog

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

const (
	maxQueries   = 5000    // that are kept
	maxText      = 2 << 10 // bytes of one
	maxTextBytes = 4 << 20 // of all
	evicted      = maxQueries / 20

	maxBy     = 5 // askers of one query
	maxByText = 100
)

// A Source says how a query was asked, as far as that is known.
type Source struct {
	By   string        // who asked it; "" where that is not known
	Step time.Duration // of its results; 0 where it asked for one time
	Log  bool          // it was read in a query log; else it was told
}

// A Query is one that was asked, in the way in which PromQL is printed, so that
// spaces and the like make no difference.
type Query struct {
	Asked
	First time.Time     `json:"first"`
	Step  time.Duration `json:"step,omitempty"` // the smallest; 0 where it was asked for single times only
	By    []string      `json:"by,omitempty"`   // who asked it, the first few
}

func (q *Query) add(x Asked, from Source) {
	q.Asked.add(x)
	if q.First.IsZero() || x.Last.Before(q.First) {
		q.First = x.Last
	}
	if from.Step > 0 && (q.Step == 0 || from.Step < q.Step) {
		q.Step = from.Step
	}
	by := from.By
	if len(by) > maxByText {
		by = strings.ToValidUTF8(by[:maxByText], "") + "…"
	}
	if by != "" && len(q.By) < maxBy && !slices.Contains(q.By, by) {
		q.By = append(q.By, strings.Clone(by))
		slices.Sort(q.By)
	}
}

// keep keeps a query, if it is one that is kept; where there is no room the ones
// that were asked for longest ago go. The lock is held.
func (e *Evidence) keep(r *reading, x Asked, from Source) (kept bool) {
	q := e.queries[r.text]
	if q == nil {
		if r.text == "" {
			return false
		}
		for len(e.queries) >= maxQueries || e.textBytes+len(r.text) > maxTextBytes {
			e.evict()
		}
		if e.queries == nil {
			e.queries = map[string]*Query{}
		}
		q = new(Query)
		e.queries[strings.Clone(r.text)] = q
		e.textBytes += len(r.text)
		e.changes++
	}
	q.add(x, from)
	return true
}

// evict lets go of the text of the queries that were asked for longest ago. What
// they read is noted of metrics still. The lock is held.
func (e *Evidence) evict() {
	type asked struct {
		text string
		Asked
	}
	list := make([]asked, 0, len(e.queries))
	for text, q := range e.queries {
		list = append(list, asked{text, q.Asked})
	}
	slices.SortFunc(list, func(a, b asked) int { return cmp.Or(a.Last.Compare(b.Last), cmp.Compare(a.text, b.text)) })
	for _, a := range list[:min(evicted, len(list))] {
		e.letGo(a.text)
		reads := readingOf(a.text)
		for i := range reads.list {
			if to := e.entry(&reads.list[i]); to != nil {
				e.unkept(to, a.Asked)
			} else {
				e.others.add(a.Asked)
			}
		}
	}
}

// letGo forgets the text of a query. The lock is held.
func (e *Evidence) letGo(text string) {
	delete(e.queries, text)
	e.textBytes -= len(text)
	e.changes++
}

// unkept notes that a query was asked of which the text is not kept. The lock is
// held.
func (e *Evidence) unkept(to *entry, x Asked) {
	if to.Unkept.Count == 0 {
		e.changes++
	}
	to.Unkept.add(x)
}
