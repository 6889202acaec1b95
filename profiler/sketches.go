package profiler

import (
	"strings"

	"github.com/headgate/headgate/internal/series"
	"github.com/headgate/headgate/profiler/inventory"
	"github.com/headgate/headgate/profiler/sketch"
)

const (
	// Precisions of a metric's sketches: 0.8 % and 1.6 % RMS (sketch.StandardError).
	// Only metrics that are sketched for lack of memory, and small, have the lesser.
	precisionLarge = 14
	precisionSmall = 12

	maxLabels = 64 // of one metric; the names that come later are not sketched
	topValues = 64 // kept of each label
)

// sketches count the series of a metric that is too large for all its rows.
type sketches struct {
	received  *sketch.Window
	forwarded *sketch.Window // nil while everything is forwarded, and so received
	labels    []labelSketch  // by name; nil where memory did not allow them
	labelled  bool
	missed    bool // there were more than maxLabels names
	size      int  // bytes
}

// labelSketch counts what one label makes of a metric.
type labelSketch struct {
	name    string
	values  *sketch.Window // its values
	without *sketch.Window // the series that would remain without it
	top     *sketch.Top
}

// newSketches counts the rows of m in sketches.
func newSketches(rows *inventory.Metric, part int64, precision uint8, labelled bool) *sketches {
	s := &sketches{received: sketch.NewWindow(precision, true), labelled: labelled}
	var pairs []uint64
	var values []sketch.Hash
	rows.Each(part, func(r inventory.Row) bool {
		pairs, values = pairs[:0], values[:0]
		for _, l := range r.Labels {
			v := sketch.Value(l.Value)
			pairs, values = append(pairs, sketch.PairOf(sketch.Name(l.Name), v)), append(values, v)
		}
		s.count(r.Labels, pairs, values, r.Sum, r.Part, r.ForwardedPart, true)
		return true
	})
	s.measure()
	return s
}

// insert counts one sighting.
func (s *sketches) insert(seen *Seen, sc *scratch, h *hashed, part int64) {
	forwarded := int64(notForwarded)
	if seen.Forwarded {
		forwarded = part
	}
	s.count(seen.Labels, sc.pairs[h.from:h.to], sc.values[h.from:h.to], h.sum, part, forwarded, !seen.Again)
}

// notForwarded is the part of what was never forwarded.
const notForwarded = -1

// count counts a series that was seen in part, and forwarded in another or never.
// first says that it was not seen in its part before.
func (s *sketches) count(ls series.Labels, pairs []uint64, values []sketch.Hash, sum uint64, part, forwarded int64, first bool) {
	whole := sketch.Final(sum)
	if forwarded != part && s.forwarded == nil {
		s.forwarded = s.received.Clone()
		s.measure()
	}
	if s.labelled {
		s.countLabels(ls, pairs, values, sum, part, first)
	}
	s.received.Insert(part, whole)
	if s.forwarded != nil && forwarded >= 0 {
		s.forwarded.Insert(forwarded, whole)
	}
}

// countLabels walks the labels of a series and those of the metric together: both
// are in order. A label that the series lacks counts the series as it is.
func (s *sketches) countLabels(ls series.Labels, pairs []uint64, values []sketch.Hash, sum uint64, part int64, first bool) {
	n := 0
	for i := range ls {
		name := ls[i].Name
		if name == series.MetricName || ls[i].Value == "" {
			continue
		}
		for n < len(s.labels) && s.labels[n].name < name {
			s.labels[n].without.Insert(part, sketch.Final(sum))
			n++
		}
		if n == len(s.labels) || s.labels[n].name != name {
			if len(s.labels) >= maxLabels {
				s.missed = true
				continue
			}
			s.addLabel(n, name)
		}
		l := &s.labels[n]
		l.values.Insert(part, values[i])
		l.without.Insert(part, sketch.Final(sum-pairs[i]))
		if first {
			l.top.Add(part, ls[i].Value, 1)
		}
		n++
	}
	for ; n < len(s.labels); n++ {
		s.labels[n].without.Insert(part, sketch.Final(sum))
	}
}

// addLabel begins a label as place n. Every series so far lacked it, and counts
// as it is: so its sketch begins as a copy of the metric's.
func (s *sketches) addLabel(n int, name string) {
	s.labels = append(s.labels, labelSketch{})
	copy(s.labels[n+1:], s.labels[n:])
	s.labels[n] = labelSketch{
		name:    strings.Clone(name),
		values:  sketch.NewWindow(precisionLarge, true),
		without: s.received.Clone(),
		top:     sketch.NewTop(topValues),
	}
	s.measure()
}

// dropLabels lets go of what is known of labels.
func (s *sketches) dropLabels() {
	s.labels, s.labelled = nil, false
	s.measure()
}

// measure sets size. Windows grow as parts turn, so it is called then, too.
func (s *sketches) measure() {
	s.size = s.received.Bytes()
	if s.forwarded != nil {
		s.size += s.forwarded.Bytes()
	}
	for i := range s.labels {
		l := &s.labels[i]
		s.size += len(l.name) + l.values.Bytes() + l.without.Bytes() + l.top.Bytes()
	}
}
