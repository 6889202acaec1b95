package bench

import "encoding/binary"

// A symbolTable is the strings of one 2.0 request, "" first.
type symbolTable struct {
	refs    map[string]uint64
	symbols []byte // fields of Request
}

func newSymbolTable() *symbolTable { return &symbolTable{refs: map[string]uint64{}} }

func (t *symbolTable) reset() {
	clear(t.refs)
	t.symbols = t.symbols[:0]
	t.ref("")
}

// ref returns the number of s, which it adds where it is new.
func (t *symbolTable) ref(s string) uint64 {
	if n, ok := t.refs[s]; ok {
		return n
	}
	n := uint64(len(t.refs))
	t.refs[s] = n
	t.symbols = append(t.symbols, tagV2Symbols)
	t.symbols = binary.AppendUvarint(t.symbols, uint64(len(s)))
	t.symbols = append(t.symbols, s...)
	return n
}

// refBytes is ref without a copy of a string that is known.
func (t *symbolTable) refBytes(s []byte) uint64 {
	if n, ok := t.refs[string(s)]; ok {
		return n
	}
	return t.ref(string(s))
}

// An encoderV2 writes 2.0 requests. It is owned by one goroutine.
type encoderV2 struct {
	table                *symbolTable
	refs, message, items []byte
}

func newEncoderV2() *encoderV2 { return &encoderV2{table: newSymbolTable()} }

// append appends a Request of the entries: its symbols, then its series.
func (e *encoderV2) append(dst []byte, entries []Entry) []byte {
	e.table.reset()
	e.items = e.items[:0]
	for i := range entries {
		e.encode(&entries[i])
		e.items = append(e.items, tagV2Series)
		e.items = binary.AppendUvarint(e.items, uint64(len(e.message)))
		e.items = append(e.items, e.message...)
	}
	dst = append(dst, e.table.symbols...)
	return append(dst, e.items...)
}

// encode leaves one TimeSeries in e.message.
func (e *encoderV2) encode(entry *Entry) {
	e.refs = e.refs[:0]
	for rest := entry.Series.Labels; len(rest) > 0; {
		f, n := readField(rest)
		rest = rest[n:]
		name, n := readField(f.bytes)
		value, _ := readField(f.bytes[n:])
		e.refs = binary.AppendUvarint(e.refs, e.table.refBytes(name.bytes))
		e.refs = binary.AppendUvarint(e.refs, e.table.refBytes(value.bytes))
	}
	m := append(e.message[:0], tagV2LabelRefs)
	m = binary.AppendUvarint(m, uint64(len(e.refs)))
	m = append(m, e.refs...)
	if entry.Exemplar {
		e.refs = binary.AppendUvarint(e.refs[:0], e.table.ref("trace_id"))
		e.refs = binary.AppendUvarint(e.refs, e.table.ref(traceID(entry.Trace)))
		labels := append([]byte{tagV2LabelRefs, byte(len(e.refs))}, e.refs...)
		m = appendExemplar(m, tagV2Exemplars, labels, exemplarValue, entry.TimestampMs)
	} else {
		m = appendSample(m, tagV2Samples, entry.Value, entry.TimestampMs)
	}
	e.message = e.appendMetadata(m, entry.Series)
}

// appendMetadata appends the metric's type and help, which 2.0 carries with
// every series.
func (e *encoderV2) appendMetadata(m []byte, s *Series) []byte {
	const typeCounter, typeGauge, typeHistogram = 1, 2, 3
	kind := byte(typeGauge)
	switch s.kind {
	case counter, seconds:
		kind = typeCounter
	case bucket:
		kind = typeHistogram
	}
	help := e.table.ref("What the exporter counts as " + s.Metric + ".")
	m = append(m, tagV2Metadata, byte(3+uvarintLen(int(help))), tagV2Type, kind, tagV2Help)
	return binary.AppendUvarint(m, help)
}
