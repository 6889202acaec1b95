package profiler

import (
	"fmt"
)

// mergeBlock adds one metric of a snapshot, with rows of that version.
func (p *Profiler) mergeBlock(b []byte, rows int, at Moment) error {
	bl, err := readBlock(b, rows)
	if err != nil {
		return err
	}
	f := p.obtain(bl.tenant)
	f.walk()
	defer f.rest()
	f.latest.Store(max(f.latest.Load(), at.Part))
	m := f.metric(bl.metric.name, bl.metric.first)
	if err := f.merge(m, &bl.metric, at.Part); err != nil {
		return fmt.Errorf("metric %q: %w", m.name, err)
	}
	f.report()
	return nil
}

// merge adds what another process knew of a metric to m. Where one of them counts
// in sketches both have to, before rows are united.
func (f *profile) merge(m, o *metric, part int64) error {
	m.first = min(m.first, o.first)
	if m.about == nil {
		m.about = o.about
	}
	if m.watch == nil {
		m.watch = o.watch
	}
	if m.team == "" {
		m.team = o.team
	}
	if (m.sketches != nil || o.sketches != nil) && m.rows.Rows()+o.rows.Rows() > 0 || o.sketches != nil {
		precision := uint8(precisionLarge)
		switch {
		case o.sketches != nil:
			precision = o.sketches.received.Precision()
		case m.sketches != nil:
			precision = m.sketches.received.Precision()
		}
		for _, side := range []*metric{m, o} {
			if side.sketches == nil {
				side.sketches = newSketches(side.rows, part, precision, true)
			}
		}
		if err := m.sketches.merge(o.sketches); err != nil {
			return err
		}
	}
	if m.day != nil || o.day != nil {
		for _, side := range []*metric{m, o} {
			if side.day == nil {
				f.beginDay(side, part)
			}
		}
		if err := m.day.Merge(o.day); err != nil {
			return err
		}
	}
	m.rows.Merge(o.rows)
	for m.rows.Rows() > f.cfg.exactRows {
		if m.sketches == nil {
			f.promote(m, part, precisionLarge, true)
		}
		if m.rows.Lower() == 0 {
			break
		}
	}
	f.weigh(m)
	m.counted = m.union(part, dayPart(part, f.cfg)).estimate()
	return nil
}

// merge adds what o counted, of another process.
func (s *sketches) merge(o *sketches) error {
	switch {
	case s.forwarded == nil && o.forwarded != nil:
		s.forwarded = s.received.Clone()
	case s.forwarded != nil && o.forwarded == nil:
		o.forwarded = o.received
	}
	if s.labelled = s.labelled && o.labelled; !s.labelled {
		s.labels = nil
	} else if err := s.mergeLabels(o); err != nil {
		return err
	}
	if s.forwarded != nil {
		if err := s.forwarded.Merge(o.forwarded); err != nil {
			return err
		}
	}
	s.missed = s.missed || o.missed
	err := s.received.Merge(o.received)
	s.measure()
	return err
}

// mergeLabels adds o's labels. A label that one of the two lacks begins there as a
// copy of the metric's sketch, as always.
func (s *sketches) mergeLabels(o *sketches) error {
	n := 0
	for i := range o.labels {
		for n < len(s.labels) && s.labels[n].name < o.labels[i].name {
			if err := s.labels[n].without.Merge(o.received); err != nil {
				return err
			}
			n++
		}
		if n == len(s.labels) || s.labels[n].name != o.labels[i].name {
			if len(s.labels) >= maxLabels {
				s.missed = true
				continue
			}
			s.addLabel(n, o.labels[i].name)
		}
		if err := s.labels[n].merge(&o.labels[i]); err != nil {
			return err
		}
		n++
	}
	for ; n < len(s.labels); n++ {
		if err := s.labels[n].without.Merge(o.received); err != nil {
			return err
		}
	}
	return nil
}

func (l *labelSketch) merge(o *labelSketch) error {
	if err := l.values.Merge(o.values); err != nil {
		return err
	}
	l.top.Merge(o.top)
	return l.without.Merge(o.without)
}
