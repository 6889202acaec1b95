package bench

import (
	"math/rand/v2"
	"strconv"
	"strings"
)

// A Series is one series of the workload. Labels are its labels in the 1.0
// wire form: sorted, each a field 1 of TimeSeries.
type Series struct {
	Labels []byte
	Metric string

	kind       kind
	share      float64
	base, rate float64
}

// A target is a stretch of the population that lives and dies together.
type target struct {
	group      group
	index      int
	generation int
	start, end int // in population.series
}

// A population is all series that live at one time, in the order in which
// their targets are scraped. It is owned by one goroutine.
type population struct {
	cluster cluster
	series  []Series
	targets []target
	pods    []int // indexes into targets

	node, apiserver, app, container, state []variant

	scratch []label
	arena   []byte
}

// newPopulation makes n series. With metrics above the catalogue's own count,
// services name their metrics after themselves until there are about so many.
func newPopulation(n, metrics int, seed uint64) *population {
	p := &population{
		cluster:   cluster{seed: seed},
		series:    make([]Series, 0, n),
		node:      expand(nodeMetrics()),
		apiserver: expand(apiserverMetrics()),
		app:       expand(appMetrics()),
		container: expand(containerMetrics()),
		state:     expand(stateMetrics()),
	}
	ours, others := p.metricNames()
	if metrics > ours+others {
		p.cluster.prefixes = (metrics - others) / ours
	}
	for pod := 0; len(p.series) < n; pod++ {
		if pod%podsPerNode == 0 {
			p.add(nodeGroup, pod/podsPerNode, n)
		}
		if pod%podsPerAPIServer == 0 {
			p.add(apiserverGroup, pod/podsPerAPIServer, n)
		}
		p.add(podGroup, pod, n)
	}
	return p
}

// metricNames counts the names of the catalogue: those that services may name
// after themselves, and the others.
func (p *population) metricNames() (ours, others int) {
	seen := map[string]bool{}
	for _, vs := range [][]variant{p.node, p.apiserver, p.app, p.container, p.state} {
		for _, v := range vs {
			if seen[v.name] {
				continue
			}
			seen[v.name] = true
			if v.ours {
				ours++
			} else {
				others++
			}
		}
	}
	return ours + 1, others // and userMetric
}

// add appends a target, cut off where the population is full.
func (p *population) add(g group, index, limit int) {
	t := target{group: g, index: index, start: len(p.series)}
	p.series = p.appendTarget(p.series, t)
	if len(p.series) > limit {
		p.series = p.series[:limit]
	}
	t.end = len(p.series)
	if t.end == t.start {
		return
	}
	if g == podGroup {
		p.pods = append(p.pods, len(p.targets))
	}
	p.targets = append(p.targets, t)
}

// churn replaces a share of the pods, each by one of the same service.
func (p *population) churn(share float64, r *rand.Rand) {
	n := int(share*float64(len(p.pods)) + 0.5)
	for _, i := range r.Perm(len(p.pods))[:n] {
		p.renew(p.pods[i])
	}
}

// renewAll replaces every series by a new one.
func (p *population) renewAll() {
	p.arena = nil
	for i := range p.targets {
		p.renew(i)
	}
}

func (p *population) renew(i int) {
	t := &p.targets[i]
	t.generation++
	made := p.appendTarget(nil, *t)
	copy(p.series[t.start:t.end], made)
}

// appendTarget appends the series of one target in the order of its scrape.
func (p *population) appendTarget(dst []Series, t target) []Series {
	r := p.cluster.random(t.group, t.index, t.generation|1<<22)
	switch t.group {
	case nodeGroup:
		return p.appendVariants(dst, p.cluster.node(t.index, t.generation), p.node, "", r)
	case apiserverGroup:
		return p.appendVariants(dst, p.cluster.apiserver(t.index, t.generation), p.apiserver, "", r)
	}
	app, container, state := p.cluster.pod(t.index, t.generation)
	prefix := ""
	if p.cluster.prefixes > 0 {
		prefix = strings.ReplaceAll(p.cluster.service(t.index).name, "-", "_") + "_"
	}
	dst = p.appendVariants(dst, app, p.app, prefix, r)
	dst = p.appendUsers(dst, app, p.cluster.users(t.index), prefix, r)
	dst = p.appendVariants(dst, container, p.container, "", r)
	return p.appendVariants(dst, state, p.state, "", r)
}

func (p *population) appendVariants(dst []Series, target []label, vs []variant, prefix string, r *rand.Rand) []Series {
	var base, rate float64
	for _, v := range vs {
		if v.first {
			base, rate = level(v.kind, r)
		}
		name := v.name
		if v.ours {
			name = prefix + name
		}
		dst = append(dst, Series{
			Labels: p.encode(name, target, v.extra),
			Metric: name, kind: v.kind, share: v.share, base: base, rate: rate,
		})
	}
	return dst
}

func (p *population) appendUsers(dst []Series, target []label, n int, prefix string, r *rand.Rand) []Series {
	name := prefix + userMetric
	for range n {
		base, rate := level(counter, r)
		extra := []label{{"plan", plans[r.IntN(len(plans))]}, {"user_id", uuid(r)}}
		dst = append(dst, Series{Labels: p.encode(name, target, extra), Metric: name, kind: counter, share: 1, base: base, rate: rate})
	}
	return dst
}

// encode returns the wire form of a series' labels, in an arena of its own.
func (p *population) encode(name string, target, extra []label) []byte {
	ls := append(p.scratch[:0], label{"__name__", name})
	ls = append(ls, target...)
	ls = append(ls, extra...)
	for i := 1; i < len(ls); i++ { // insertion: both parts are nearly sorted
		for j := i; j > 0 && ls[j].name < ls[j-1].name; j-- {
			ls[j], ls[j-1] = ls[j-1], ls[j]
		}
	}
	p.scratch = ls
	const room = 2048
	if cap(p.arena)-len(p.arena) < room {
		p.arena = make([]byte, 0, 1<<20)
	}
	start := len(p.arena)
	for _, l := range ls {
		p.arena = appendLabel(p.arena, l.name, l.value)
	}
	return p.arena[start:len(p.arena):len(p.arena)]
}

// Decode returns the series' labels as name and value in turn.
func (s *Series) Decode() []string {
	var out []string
	for rest := s.Labels; len(rest) > 0; {
		f, n := readField(rest)
		if n == 0 {
			return nil
		}
		rest = rest[n:]
		name, n := readField(f.bytes)
		if n == 0 {
			return nil
		}
		value, _ := readField(f.bytes[n:])
		out = append(out, string(name.bytes), string(value.bytes))
	}
	return out
}

// String writes the series as PromQL does.
func (s *Series) String() string {
	ls := s.Decode()
	var b strings.Builder
	b.WriteString(s.Metric)
	b.WriteByte('{')
	for i := 0; i+1 < len(ls); i += 2 {
		if ls[i] == "__name__" {
			continue
		}
		if b.Len() > len(s.Metric)+1 {
			b.WriteString(", ")
		}
		b.WriteString(ls[i] + "=" + strconv.Quote(ls[i+1]))
	}
	b.WriteByte('}')
	return b.String()
}
