package querylog

import (
	"slices"
	"sync"
	"time"

	"github.com/prometheus/prometheus/model/labels"

	"github.com/headgate/headgate/internal/series"
	"github.com/headgate/headgate/rules/usage"
)

const (
	// Kept is how long it is remembered that something was asked for.
	Kept = 90 * 24 * time.Hour

	maxBytes    = 32 << 20 // of all names, about
	maxName     = 1 << 10  // bytes of one
	maxPatterns = 1000
	entryBytes  = 160 // that a name takes besides its text, about
)

// An Asked says when something was asked for last, and how often.
type Asked struct {
	Last  time.Time `json:"last"`
	Count uint64    `json:"count"`
}

func (a *Asked) add(o Asked) {
	a.Count += o.Count
	if o.Last.After(a.Last) {
		a.Last = o.Last
	}
}

// An Evidence is what queries asked for. Its methods may be called from any
// goroutine. The zero Evidence watches nothing yet.
type Evidence struct {
	mu       sync.Mutex
	since    time.Time // when watching began; zero: it did not
	metrics  map[string]*entry
	patterns map[string]*pattern
	bytes    int    // of names
	others   Asked  // what there was no room for
	unread   Asked  // queries that could not be parsed
	logged   uint64 // queries that were read in logs
	told     uint64 // and those that were not
	cache    cache

	queries   map[string]*Query // by text, as it is kept
	textBytes int
	changes   uint64 // of what an index is made of

	building sync.Mutex // is taken before mu
	known    known      // the index that was made last
}

// An entry is how a metric, or those of a pattern, were asked for.
type entry struct {
	Asked   Asked             `json:"asked"`
	Carried Asked             `json:"carried,omitzero"` // with every label in the result
	Unread  Asked             `json:"unread,omitzero"`  // by queries that could not be parsed
	Labels  map[string]*Asked `json:"labels,omitempty"`
	Unkept  Asked             `json:"unkept,omitzero"` // by queries of which the text is not kept
	Ranges  []Span            `json:"ranges,omitempty"`
	Step    time.Duration     `json:"step,omitempty"` // the smallest of results
}

// A pattern is metrics that are asked for together.
type pattern struct {
	names []*labels.Matcher
	entry
}

func (p *pattern) matches(metric string) bool {
	return !slices.ContainsFunc(p.names, func(m *labels.Matcher) bool { return !m.Matches(metric) })
}

// An Answer is what is known of one metric, or of a label of it.
type Answer struct {
	Asked                // Count 0: it was not seen
	How    usage.How     // the most certain way
	Since  time.Time     // what was asked before that is not known
	Others Asked         // names that there was no room for: it may be among them
	Logged uint64        // queries of any metric that were read in logs
	Told   uint64        // and those that were told
	Ranges []Span        // that functions read of the metric, the shortest first
	Step   time.Duration // the smallest of results; 0 where it was asked for single times only
}

// Watching reports whether anything was noted or is watched.
func (e *Evidence) Watching() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return !e.since.IsZero()
}

// Watch notes that queries are known since then, if they are not for longer.
func (e *Evidence) Watch(since time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.since.IsZero() || since.Before(e.since) {
		e.since = since
	}
}

// Unread returns the queries that could not be parsed. The names that stand in them
// count as asked for.
func (e *Evidence) Unread() Asked {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.unread
}

// Of returns what is known of a metric at now, and where label is not "", of what
// depends on that label of it; ok is false where nothing is watched.
func (e *Evidence) Of(metric, label string, now time.Time) (a Answer, ok bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.since.IsZero() {
		return Answer{}, false
	}
	oldest := now.Add(-Kept)
	a.Since = e.since
	if a.Since.Before(oldest) {
		a.Since = oldest
	}
	a.Logged, a.Told = e.logged, e.told
	if !e.others.Last.Before(oldest) {
		a.Others = e.others
	}
	note := func(x Asked, how usage.How) {
		if x.Count == 0 || x.Last.Before(oldest) {
			return
		}
		a.add(x)
		if a.How == "" || how.Compare(a.How) < 0 {
			a.How = how
		}
	}
	of := func(x *entry, how usage.How) {
		a.Step = shorter(a.Step, x.Step)
		for _, r := range x.Ranges {
			a.Ranges, _ = addSpan(a.Ranges, r)
		}
		note(x.Unread, usage.ByUnknown)
		if label == "" {
			note(x.Asked, how)
			return
		}
		if l := x.Labels[label]; l != nil {
			note(*l, how)
		}
		note(x.Carried, usage.ByResult)
	}
	if x := e.metrics[metric]; x != nil {
		of(x, usage.ByName)
	}
	for _, p := range e.patterns {
		if p.matches(metric) {
			of(&p.entry, usage.ByPattern)
		}
	}
	sortSpans(a.Ranges)
	return a, true
}

// Note notes that a query was asked count times, at last, and reports whether it
// could be parsed.
func (e *Evidence) Note(expr string, last time.Time, count uint64, from Source) (parsed bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	x := Asked{last, count}
	if from.Log {
		e.logged += count
	} else {
		e.told += count
	}
	reads := e.cache.of(expr)
	if reads.trouble {
		e.unread.add(x)
	}
	kept := e.keep(&reads, x, from)
	for i := range reads.list {
		r := &reads.list[i]
		to := e.entry(r)
		if to == nil {
			if e.others.Count == 0 {
				e.changes++
			}
			e.others.add(x)
			continue
		}
		if !kept {
			e.unkept(to, x)
		}
		to.Step = shorter(to.Step, from.Step)
		e.noteSpans(to, r, x)
		if reads.trouble {
			to.Unread.add(x)
			continue
		}
		to.Asked.add(x)
		if r.carried {
			to.Carried.add(x)
		}
		e.noteLabels(to, r, x)
	}
	return !reads.trouble
}

// noteLabels notes the labels that r depends on. The lock is held.
func (e *Evidence) noteLabels(to *entry, r *read, x Asked) {
	for _, name := range r.labels {
		l := to.Labels[name]
		if l == nil {
			if !e.room(name) {
				to.Carried.add(x) // any label
				continue
			}
			if l = new(Asked); to.Labels == nil {
				to.Labels = map[string]*Asked{}
			}
			to.Labels[name] = l
		}
		l.add(x)
	}
}

// noteSpans notes the ranges that r reads. The lock is held.
func (e *Evidence) noteSpans(to *entry, r *read, x Asked) {
	for _, s := range r.spans {
		before := len(to.Ranges)
		list, changed := addSpan(to.Ranges, s)
		if len(list) > before {
			if e.bytes+spanBytes > maxBytes {
				e.others.add(x)
				continue
			}
			e.bytes += spanBytes
		}
		to.Ranges = list
		if changed && to.Unkept.Count > 0 {
			e.changes++
		}
	}
}

// entry returns where it is noted what r reads, or nil where there is no room.
func (e *Evidence) entry(r *read) *entry {
	if r.names == nil {
		x := e.metrics[r.key]
		if x == nil && e.room(r.key) {
			if x = new(entry); e.metrics == nil {
				e.metrics = map[string]*entry{}
			}
			e.metrics[r.key] = x
		}
		return x
	}
	p := e.patterns[r.key]
	if p == nil {
		if len(e.patterns) >= maxPatterns || !e.room(r.key) {
			return nil
		}
		if p = (&pattern{names: r.names}); e.patterns == nil {
			e.patterns = map[string]*pattern{}
		}
		e.patterns[r.key] = p
	}
	return &p.entry
}

// room takes the room of a name, if there is some.
func (e *Evidence) room(name string) bool {
	if len(name) > maxName || e.bytes+len(name)+entryBytes > maxBytes {
		return false
	}
	e.bytes += len(name) + entryBytes
	return true
}

// Forget lets go of what was asked for last so long ago that it does not count.
func (e *Evidence) Forget(now time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	oldest := now.Add(-Kept)
	clean := func(name string, x *entry) (gone bool) {
		for l, a := range x.Labels {
			if a.Last.Before(oldest) {
				delete(x.Labels, l)
				e.bytes -= len(l) + entryBytes
			}
		}
		if x.Unkept.Count > 0 && x.Unkept.Last.Before(oldest) {
			x.Unkept = Asked{}
			e.changes++
		}
		if x.Asked.Last.Before(oldest) && x.Unread.Last.Before(oldest) {
			e.bytes -= len(name) + entryBytes + len(x.Ranges)*spanBytes
			return true
		}
		return false
	}
	for name, x := range e.metrics {
		if clean(name, x) {
			delete(e.metrics, name)
		}
	}
	for key, p := range e.patterns {
		if clean(key, &p.entry) {
			delete(e.patterns, key)
		}
	}
	for text, q := range e.queries {
		if q.Last.Before(oldest) {
			e.letGo(text)
		}
	}
	if e.others.Count > 0 && e.others.Last.Before(oldest) {
		e.others = Asked{}
		e.changes++
	}
	if e.unread.Last.Before(oldest) {
		e.unread = Asked{}
	}
}

// isName reports whether m says what a metric is called.
func isName(m *labels.Matcher) bool { return m.Name == series.MetricName }
