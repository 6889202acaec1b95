package querylog

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/prometheus/prometheus/model/labels"

	"github.com/headgate/headgate/internal/series"
)

const (
	withoutText = 1 // the version that had no text of queries

	version   = 2
	savedMost = 256 << 20 // bytes that are loaded
)

// saved is what is written of an Evidence and the Tail that fills it.
type saved struct {
	Version  int               `json:"version"`
	Since    time.Time         `json:"since"`
	Others   Asked             `json:"others"`
	Unread   Asked             `json:"unread"`
	Logged   uint64            `json:"logged,omitempty"`
	Told     uint64            `json:"told,omitempty"`
	Metrics  map[string]*entry `json:"metrics"`
	Patterns []savedPattern    `json:"patterns"`
	Queries  map[string]*Query `json:"queries"` // by text
	Places   []Place           `json:"places"`
}

// A savedPattern is a pattern with its matchers as text.
type savedPattern struct {
	Names []savedMatcher `json:"names"`
	entry
}

type savedMatcher struct {
	Op    string `json:"op"`
	Value string `json:"value"`
}

// Save writes what e knows and how far t has read.
func (e *Evidence) Save(w io.Writer, t *Tail) error {
	places := t.Places()
	e.mu.Lock()
	s := saved{Version: version, Since: e.since, Others: e.others, Unread: e.unread, Logged: e.logged, Told: e.told, Metrics: e.metrics, Queries: e.queries, Places: places}
	for _, key := range slices.Sorted(maps.Keys(e.patterns)) {
		p := e.patterns[key]
		out := savedPattern{Names: []savedMatcher{}, entry: p.entry}
		for _, m := range p.names {
			out.Names = append(out.Names, savedMatcher{m.Type.String(), m.Value})
		}
		s.Patterns = append(s.Patterns, out)
	}
	data, err := json.Marshal(s)
	e.mu.Unlock()
	if err != nil {
		return err
	}
	_, err = io.Copy(w, bytes.NewReader(data))
	return err
}

// Load makes e and t what was saved. They must be new.
func (e *Evidence) Load(r io.Reader, t *Tail) error {
	var s saved
	if err := json.NewDecoder(io.LimitReader(r, savedMost)).Decode(&s); err != nil {
		return fmt.Errorf("read what queries asked for: %w", err)
	}
	if s.Version != version && s.Version != withoutText {
		return fmt.Errorf("read what queries asked for: version %d is unknown", s.Version)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.since, e.others, e.unread, e.logged, e.told = s.Since, s.Others, s.Unread, s.Logged, s.Told
	for name, x := range s.Metrics {
		if x != nil {
			s.complete(x)
			e.put(&read{key: name}, x)
		}
	}
	for i := range s.Patterns {
		p := &s.Patterns[i]
		r := read{names: []*labels.Matcher{}}
		for _, m := range p.Names {
			at := slices.Index(ops, m.Op)
			if at < 0 {
				return fmt.Errorf("read what queries asked for: %.20q is no operator", m.Op)
			}
			n, err := labels.NewMatcher(labels.MatchType(at), series.MetricName, m.Value)
			if err != nil {
				return fmt.Errorf("read what queries asked for: %w", err)
			}
			r.names = append(r.names, n)
			r.key += n.String()
		}
		s.complete(&p.entry)
		e.put(&r, &p.entry)
	}
	for text, q := range s.Queries {
		if q != nil && text != "" && len(text) <= maxText && len(e.queries) < maxQueries && e.textBytes+len(text) <= maxTextBytes {
			if e.queries == nil {
				e.queries = map[string]*Query{}
			}
			e.queries[text] = q
			e.textBytes += len(text)
		}
	}
	e.changes++
	t.places = s.Places
	return nil
}

// complete adds what files without the text of queries do not say.
func (s *saved) complete(x *entry) {
	if s.Version == withoutText {
		x.Unkept, x.Ranges = x.Asked, []Span{unknownSpan}
		x.Unkept.add(x.Unread)
	}
}

// ops are the operators, by their [labels.MatchType].
var ops = []string{"=", "!=", "=~", "!~"}

// put adds what was saved of r. The lock is held.
func (e *Evidence) put(r *read, x *entry) {
	to := e.entry(r)
	if to == nil {
		e.others.add(x.Asked)
		return
	}
	to.Asked, to.Carried, to.Unread, to.Unkept, to.Step = x.Asked, x.Carried, x.Unread, x.Unkept, x.Step
	for _, s := range x.Ranges {
		e.noteSpans(to, &read{spans: []Span{s}}, x.Asked)
	}
	for name, a := range x.Labels {
		if a == nil || !e.room(name) {
			to.Carried.add(x.Asked)
			continue
		}
		if to.Labels == nil {
			to.Labels = map[string]*Asked{}
		}
		to.Labels[name] = a
	}
}
