package gateway

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/headgate/headgate/internal/tenant"
)

// A Flow is what became of samples: in all, and by something.
type Flow struct {
	From, To time.Time
	Counts   Counts
	Rows     []FlowRow // most received first
}

// A FlowRow is the part of a flow that one metric, team or rule has.
type FlowRow struct {
	Key    string // for rules: "" where none decided
	Counts Counts
	Would  uint64 // for rules in shadow mode: samples that they would have removed
}

// What a flow can be divided by.
const (
	ByMetric = "metric"
	ByTeam   = "team"
	ByRule   = "rule"
)

// Flow returns the flow of a tenant, or of all where t is empty, since the
// gateway began to count them. by is one of the By constants, or empty.
func (g *Gateway) Flow(t tenant.ID, by string) (Flow, error) {
	switch by {
	case "", ByMetric, ByTeam, ByRule:
	default:
		return Flow{}, fmt.Errorf("by is %q; write metric, team or rule", by)
	}
	f := Flow{From: g.states.began, To: time.Now()}
	list := g.states.all()
	if t != "" {
		list = nil
		if s := g.states.find(t); s != nil {
			list, f.From = []*state{s}, s.began
		}
	} else {
		g.states.mu.RLock()
		f.Counts.Add(&g.states.forgotten)
		g.states.mu.RUnlock()
	}
	rows := map[string]*FlowRow{}
	for _, s := range list {
		s.addTo(&f, by, rows)
	}
	for _, r := range rows {
		f.Rows = append(f.Rows, *r)
	}
	slices.SortFunc(f.Rows, func(a, b FlowRow) int {
		return cmp.Or(cmp.Compare(b.Counts.Received(), a.Counts.Received()), cmp.Compare(a.Key, b.Key))
	})
	return f, nil
}

// addTo adds what became of the samples of a tenant. Only copying is done under its
// lock: there may be very many classes, and requests wait meanwhile.
func (s *state) addTo(f *Flow, by string, rows map[string]*FlowRow) {
	for _, p := range s.parts(f, by) {
		r := rows[p.Key]
		if r == nil {
			r = &FlowRow{Key: p.Key}
			rows[p.Key] = r
		}
		r.Counts.Add(&p.Counts)
		r.Would += p.Would
	}
}

// parts adds the counts of a tenant to f, and returns what they are made of: the same
// key may come many times.
func (s *state) parts(f *Flow, by string) (list []FlowRow) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f.Counts.Add(&s.counts)
	switch by {
	case ByMetric, ByTeam:
		list = make([]FlowRow, len(s.classes.list))
		for i, c := range s.classes.list {
			list[i] = FlowRow{Key: c.metric, Counts: c.counts}
			if by == ByTeam {
				list[i].Key = c.team
			}
		}
	case ByRule:
		for _, t := range s.classes.totals {
			list = append(list, FlowRow{t.name, t.counts, t.would})
		}
	}
	return list
}
