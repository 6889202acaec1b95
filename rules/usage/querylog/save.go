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
	version   = 1
	savedMost = 256 << 20 // bytes that are loaded
)

// saved is what is written of an Evidence and the Tail that fills it.
type saved struct {
	Version  int               `json:"version"`
	Since    time.Time         `json:"since"`
	Others   Asked             `json:"others"`
	Unread   Asked             `json:"unread"`
	Metrics  map[string]*entry `json:"metrics"`
	Patterns []savedPattern    `json:"patterns"`
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
	s := saved{Version: version, Since: e.since, Others: e.others, Unread: e.unread, Metrics: e.metrics, Places: places}
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
	if s.Version != version {
		return fmt.Errorf("read what queries asked for: version %d is unknown", s.Version)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.since, e.others, e.unread = s.Since, s.Others, s.Unread
	for name, x := range s.Metrics {
		if x != nil {
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
		e.put(&r, &p.entry)
	}
	t.places = s.Places
	return nil
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
	to.Asked, to.Carried, to.Unread = x.Asked, x.Carried, x.Unread
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
