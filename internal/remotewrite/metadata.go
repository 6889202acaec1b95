package remotewrite

import "unicode/utf8"

// Caps of what metadata is read of. They bound what a reader can be made to
// keep, far above what senders write: Prometheus sends 2 000 messages a request.
const (
	maxMetadata    = 1 << 14 // messages of a request of 1.0
	maxMetricBytes = 8 << 10
	maxHelpBytes   = 1 << 10
	maxUnitBytes   = 64
)

// The fields of metadata: at the top level of 1.0, in a series of 2.0.
const (
	metadataFieldV1 = 3
	metadataFieldV2 = 5
)

// A MetricType is the type of a metric as its sender knows it. The numbers are
// those of the wire, the same in both versions.
type MetricType uint8

// The types.
const (
	TypeUnknown MetricType = iota
	TypeCounter
	TypeGauge
	TypeHistogram
	TypeGaugeHistogram
	TypeSummary
	TypeInfo
	TypeStateSet
)

var metricTypes = [...]string{"unknown", "counter", "gauge", "histogram", "gaugehistogram", "summary", "info", "stateset"}

// String returns the type as OpenMetrics writes it.
func (t MetricType) String() string {
	if int(t) < len(metricTypes) {
		return metricTypes[t]
	}
	return metricTypes[TypeUnknown]
}

// metricType returns the type that a number on the wire names. It is cut to 32
// bits, as prompb does.
func metricType(n uint64) MetricType {
	if v := uint32(n); v < uint32(len(metricTypes)) {
		return MetricType(v)
	}
	return TypeUnknown
}

// Metadata is what a sender says of a metric. The strings are views of Body and
// valid UTF-8: Help and Unit end after 1 KiB and 64 bytes, and before the first
// byte that is not UTF-8.
type Metadata struct {
	Metric     string // the family's name, without _bucket and the like
	Type       MetricType
	Help, Unit string
}

// HasMetadata reports whether a metadata message is there. The walk knows; that
// the message says something is for AppendMetadata and EntryMetadata to tell.
func (r *Request) HasMetadata() bool { return r.metadata }

// AppendMetadata appends what a request of 1.0 says of metrics, in wire order,
// of 16 384 metrics at most. A message without a name, or with one that no
// metric can have, is left out. Of 2.0 there is none: see
// [Request.EntryMetadata].
func (r *Request) AppendMetadata(dst []Metadata) []Metadata {
	if !r.metadata || r.Version == V2 {
		return dst
	}
	most := len(dst) + maxMetadata
	for i := r.firstMetadata; i < len(r.Body) && len(dst) < most; {
		f, err := readField(r.Body, i)
		if err != nil {
			break
		}
		if f.num == metadataFieldV1 {
			if m := readMetadata(r.Body[:f.end], f.val); m.Metric != "" {
				dst = append(dst, m)
			}
		}
		i = f.end
	}
	return dst
}

// readMetadata reads a message of 1.0 that begins at i and ends with b. Of a
// repeated field the last holds.
func readMetadata(b []byte, i int) Metadata {
	var m Metadata
	for i < len(b) {
		f, err := readField(b, i)
		if err != nil {
			break
		}
		switch f.num {
		case 1:
			m.Type = metricType(f.n)
		case 2:
			m.Metric = view(b[f.val:f.end])
		case 4:
			m.Help = view(b[f.val:f.end])
		case 5:
			m.Unit = view(b[f.val:f.end])
		}
		i = f.end
	}
	if len(m.Metric) > maxMetricBytes || !utf8.ValidString(m.Metric) {
		m.Metric = ""
	}
	m.Help, m.Unit = readable(m.Help, maxHelpBytes), readable(m.Unit, maxUnitBytes)
	return m
}

// EntryMetadata returns what a request of 2.0 says of e's metric, whose name is
// left empty: it is that of the labels. It reports false where nothing is said,
// and always of 1.0: see [Request.AppendMetadata].
func (r *Request) EntryMetadata(e *Entry) (Metadata, bool) {
	if !r.metadata || r.Version != V2 {
		return Metadata{}, false
	}
	b, i := r.Body[:e.End], int(e.labelsEnd)
	if e.Flags&Scattered != 0 {
		b, i = r.content(e)
	}
	var m Metadata
	var help, unit uint32
	for i < len(b) {
		if next := stepItem(b, i); next != i {
			i = next
			continue
		}
		f, err := readField(b, i)
		if err != nil {
			break
		}
		i = f.end
		if f.num != metadataFieldV2 {
			continue
		}
		// A repeated message adds to the one before, as prompb has it.
		for j := f.val; j < f.end; {
			x, err := readField(b[:f.end], j)
			if err != nil {
				break
			}
			switch x.num {
			case 1:
				m.Type = metricType(x.n)
			case 3:
				help = uint32(x.n)
			case 4:
				unit = uint32(x.n)
			}
			j = x.end
		}
	}
	m.Help, m.Unit = readable(r.symbol(help), maxHelpBytes), readable(r.symbol(unit), maxUnitBytes)
	return m, m != Metadata{}
}

// readable returns the beginning of s that is UTF-8, of most bytes at most.
func readable(s string, most int) string {
	s = s[:min(len(s), most)]
	if utf8.ValidString(s) {
		return s
	}
	for i := 0; ; {
		c, n := utf8.DecodeRuneInString(s[i:])
		if c == utf8.RuneError && n == 1 {
			return s[:i]
		}
		i += n
	}
}
