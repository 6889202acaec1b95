package remotewrite

// walkV1 finds the entries of a WriteRequest.
func (r *Request) walkV1(lim Limits) error {
	body := r.Body
	for i := 0; i < len(body); {
		val, end, plain := plainHeader(body, i, 0x0a)
		if !plain {
			f, err := readField(body, i)
			if err != nil {
				return err
			}
			if f.num != 1 {
				if err := checkTopV1(body, f); err != nil {
					return err
				}
				r.Others = true
				if f.num == metadataFieldV1 && f.val < f.end && !r.metadata {
					r.metadata, r.firstMetadata = true, i
				}
				i = f.end
				continue
			}
			if f.wire != wireBytes {
				return malformed(i, errWireType)
			}
			val, end = f.val, f.end
		}
		e, err := r.addEntry(i, lim.MaxSeries)
		if err != nil {
			return err
		}
		*e = Entry{Start: uint32(i), End: uint32(end)}
		if at := plainV1(body[:end], val, e); at < end {
			if err := restV1(body[:end], at, e); err != nil {
				return err
			}
		}
		if end-val > 2*maxEntryLabels {
			if n := countLabels(body[:end], val); n > maxEntryLabels {
				return malformed(i, errLabels)
			}
		}
		if end-val > maxLabelBytes && e.Flags&Scattered != 0 {
			return malformed(i, errLabels)
		}
		i = end
	}
	return nil
}

// plainHeader reads a tag of one byte and a length of one or two. It reports
// false where the field is another one or is written in another way.
func plainHeader(b []byte, i int, tag byte) (val, end int, ok bool) {
	if i+2 >= len(b) || b[i] != tag {
		return 0, 0, false
	}
	n := int(b[i+1])
	val = i + 2
	if n >= 0x80 {
		high := int(b[i+2])
		if high >= 0x80 {
			return 0, 0, false
		}
		n = n&0x7f | high<<7
		val = i + 3
	}
	end = val + n
	return val, end, end <= len(b)
}

// checkTopV1 checks a top-level field that is no series.
func checkTopV1(body []byte, f field) error {
	if f.num != metadataFieldV1 {
		return nil
	}
	if f.wire != wireBytes {
		return malformed(f.start, errWireType)
	}
	msg := body[:f.end]
	for i := f.val; i < f.end; {
		m, err := readField(msg, i)
		if err != nil {
			return err
		}
		switch m.num {
		case 1:
			if m.wire != wireVarint {
				return malformed(i, errWireType)
			}
		case 2, 4, 5:
			if m.wire != wireBytes {
				return malformed(i, errWireType)
			}
		}
		i = m.end
	}
	return nil
}

// plainV1 reads the head of a series as long as it has the shape that senders
// write: labels of both fields with minimal lengths, then float samples. It
// returns the offset of the first thing that has another one.
func plainV1(b []byte, i int, e *Entry) int {
	e.labels = uint32(i)
	for {
		i = plainLabels(b, i)
		next := longLabel(b, i)
		if next == i {
			break
		}
		i = next
	}
	e.labelsEnd = uint32(i)
	return plainSamples(b, i, e, V1)
}

// plainLabels steps over labels of less than 128 bytes: 0x0a, length, 0x0a,
// length, name, 0x12, length, value.
func plainLabels(b []byte, i int) int {
	for i+6 <= len(b) {
		w := load32(b, i)
		if w&0x80ff80ff != 0x000a000a {
			break
		}
		next := i + 2 + int(load8(b, i+1)) // not from w: the next step waits for it
		j := i + 4 + int(w>>24)
		if next > len(b) || j+2 > next {
			break
		}
		v := load16(b, j)
		if v&0x80ff != 0x0012 || j+2+int(v>>8) != next {
			break
		}
		i = next
	}
	return i
}

// longLabel steps over one label of the same shape whose lengths may take two
// bytes. It returns i where there is none.
func longLabel(b []byte, i int) int {
	val, end, ok := canonicalHeader(b, i, 0x0a)
	if !ok {
		return i
	}
	_, name, ok := canonicalHeader(b[:end], val, 0x0a)
	if !ok {
		return i
	}
	_, value, ok := canonicalHeader(b[:end], name, 0x12)
	if !ok || value != end {
		return i
	}
	return end
}

// canonicalHeader is plainHeader that takes minimal lengths only, and a field
// of no content at the very end.
func canonicalHeader(b []byte, i int, tag byte) (val, end int, ok bool) {
	if i+2 == len(b) && b[i] == tag && b[i+1] == 0 {
		return i + 2, i + 2, true
	}
	val, end, ok = plainHeader(b, i, tag)
	return val, end, ok && (val == i+2 || b[i+2] != 0)
}

// plainSamples steps over float samples of the common shapes.
func plainSamples(b []byte, i int, e *Entry, v Version) int {
	for {
		ms, bits, next := plainSample(b, i, v)
		if next == i {
			return i
		}
		e.addSample(ms, bits)
		i = next
	}
}

// plainSample reads a float sample of a common shape: a value of eight bytes,
// or none where it is zero; a timestamp of six bytes (from 2004 to 2109); and,
// of 2.0, perhaps a start timestamp of six. It returns i where there is none.
func plainSample(b []byte, i int, v Version) (ms int64, bits uint64, next int) {
	if i+2 >= len(b) || b[i] != 0x12 {
		return 0, 0, i
	}
	n, at := int(b[i+1]), i+2
	if at+n > len(b) {
		return 0, 0, i
	}
	switch n {
	case 16, 23:
		if b[at] != 0x09 {
			return 0, 0, i
		}
		bits = load64(b, at+1)
		at += 9
	case 7, 14:
	default:
		return 0, 0, i
	}
	ms, ok := plainStamp(b, at, 0x10)
	if !ok {
		return 0, 0, i
	}
	if n == 14 || n == 23 {
		if _, ok := plainStamp(b, at+7, 0x18); !ok || v != V2 {
			return 0, 0, i
		}
	}
	return ms, bits, i + 2 + n
}

// plainStamp reads a field of a tag of one byte and a varint of six. The caller
// has found the byte before and seven from at on to be there.
func plainStamp(b []byte, at int, tag uint64) (ms int64, ok bool) {
	const (
		mask = 0x808080808080_00_00 | 0xff_00
		want = 0x008080808080_00_00
	)
	w := load64(b, at-1)
	if w&mask != want|tag<<8 {
		return 0, false
	}
	w >>= 16
	return int64(w&0x7f | w>>1&(0x7f<<7) | w>>2&(0x7f<<14) | w>>3&(0x7f<<21) | w>>4&(0x7f<<28) | w>>5&(0x7f<<35)), true
}

// restV1 walks a series from i on, where plainV1 stopped.
func restV1(b []byte, i int, e *Entry) error {
	var hs span
	for i < len(b) {
		f, err := readField(b, i)
		if err != nil {
			return err
		}
		if f.num <= 4 && f.wire != wireBytes {
			return malformed(i, errWireType)
		}
		msg := b[:f.end]
		switch f.num {
		case 1:
			e.Flags |= Scattered
			_, _, err = readLabel(msg, f.val)
		case 2:
			var ms int64
			var bits uint64
			ms, bits, err = readSample(msg, f.val, V1)
			e.addSample(ms, bits)
		case 3:
			e.Exemplars++
			err = checkExemplarV1(msg, f.val)
		case 4:
			var h histogramHead
			h, err = readHistogram(msg, f.val, V1)
			hs.add(h)
		}
		if err != nil {
			return err
		}
		i = f.end
	}
	e.addHistograms(&hs)
	return nil
}

// readLabel reads a label message that begins at i and ends with b. Fields may
// be missing, repeated (the last holds) and in any order.
func readLabel(b []byte, i int) (name, value []byte, err error) {
	for i < len(b) {
		f, err := readField(b, i)
		if err != nil {
			return nil, nil, err
		}
		if f.num <= 2 && f.wire != wireBytes {
			return nil, nil, malformed(i, errWireType)
		}
		switch f.num {
		case 1:
			name = b[f.val:f.end]
		case 2:
			value = b[f.val:f.end]
		}
		i = f.end
	}
	return name, value, nil
}

// readSample reads a float sample that begins at i and ends with b.
func readSample(b []byte, i int, v Version) (ms int64, bits uint64, err error) {
	for i < len(b) {
		f, err := readField(b, i)
		if err != nil {
			return 0, 0, err
		}
		switch {
		case f.num == 1:
			if f.wire != wireFixed64 {
				return 0, 0, malformed(i, errWireType)
			}
			bits = f.n
		case f.num == 2 || f.num == 3 && v == V2:
			if f.wire != wireVarint {
				return 0, 0, malformed(i, errWireType)
			}
			if f.num == 2 {
				ms = int64(f.n)
			}
		}
		i = f.end
	}
	return ms, bits, nil
}

// checkExemplarV1 checks an exemplar that begins at i and ends with b.
func checkExemplarV1(b []byte, i int) error {
	for i < len(b) {
		f, err := readField(b, i)
		if err != nil {
			return err
		}
		if f.num <= 3 && f.wire != exemplarWire[f.num] {
			return malformed(i, errWireType)
		}
		if f.num == 1 {
			if _, _, err := readLabel(b[:f.end], f.val); err != nil {
				return err
			}
		}
		i = f.end
	}
	return nil
}

// exemplarWire are the wire types of an exemplar's fields.
var exemplarWire = [...]uint8{1: wireBytes, 2: wireFixed64, 3: wireVarint}

// countLabels returns how many label fields a series has that begins at i and
// ends with b.
func countLabels(b []byte, i int) int {
	n := 0
	for i < len(b) {
		f, err := readField(b, i)
		if err != nil {
			break
		}
		if f.num == 1 {
			n++
		}
		i = f.end
	}
	return n
}
