package remotewrite

import "errors"

// Why the references of a body are refused.
var (
	errRef         = errors.New("reference outside the symbols table")
	errOddRefs     = errors.New("odd number of label references")
	errFirstSymbol = errors.New("the first symbol is not the empty string")
	errNoSymbols   = errors.New("series without a symbols table")
)

// walkV2 finds the symbols and entries of a Request of 2.0. Symbols may stand
// before, between and after the series, so references are checked at the end.
func (r *Request) walkV2(lim Limits) error {
	body := r.Body
	maxSymbols := 0
	if lim.MaxSeries > 0 {
		maxSymbols = symbolsPerSeries*lim.MaxSeries + freeSymbols
	}
	for i := 0; i < len(body); {
		if val, end, ok := canonicalHeader(body, i, 0x22); ok {
			if err := r.addSymbol(i, val, end, maxSymbols); err != nil {
				return err
			}
			i = end
			continue
		}
		val, end, ok := plainHeader(body, i, 0x2a)
		if !ok {
			f, err := readField(body, i)
			if err != nil {
				return err
			}
			if f.num == 4 || f.num == 5 {
				if f.wire != wireBytes {
					return malformed(i, errWireType)
				}
			} else {
				r.Others = true
			}
			if f.num == 4 {
				// The length is whatever stands between a tag of one byte and the
				// content; a longer tag makes it seem longer, which does no harm.
				if f.val-f.start != 1+varintSize(uint64(f.end-f.val)) {
					r.lengthened = true
				}
				if err := r.addSymbol(i, f.val, f.end, maxSymbols); err != nil {
					return err
				}
			}
			if f.num != 5 {
				i = f.end
				continue
			}
			val, end = f.val, f.end
		}
		if err := r.addEntryV2(i, val, end, lim.MaxSeries); err != nil {
			return err
		}
		i = end
	}
	return r.checkRefs()
}

func (r *Request) addSymbol(at, val, end, limit int) error {
	n := len(r.symbols)
	if n == cap(r.symbols) || limit > 0 && n >= limit {
		if err := r.growSymbols(at, limit); err != nil {
			return err
		}
	}
	r.symbols = append(r.symbols, symbol{off: uint32(val), len: uint32(end - val)})
	r.longest = max(r.longest, end-val)
	return nil
}

func (r *Request) addEntryV2(i, val, end, limit int) error {
	e, err := r.addEntry(i, limit)
	if err != nil {
		return err
	}
	*e = Entry{Start: uint32(i), End: uint32(end), labels: uint32(val), labelsEnd: uint32(val)}
	b := r.Body[:end]
	refs := 0
	at := val
	if from, to, ok := plainHeader(b, val, 0x0a); ok {
		if refs, err = r.countRefs(b[:to], from); err != nil {
			return err
		}
		e.labels, e.labelsEnd = uint32(from), uint32(to)
		at = plainSamples(b, to, e, V2)
	}
	if at < end {
		more, err := r.restV2(b, at, e)
		if err != nil {
			return err
		}
		refs += more
	}
	if refs%2 != 0 {
		return malformed(i, errOddRefs)
	}
	if refs > 2*maxEntryLabels {
		return malformed(i, errLabels)
	}
	r.refs += refs
	r.maxEntryRefs = max(r.maxEntryRefs, refs)
	return nil
}

// countRefs counts the packed references from i to the end of b and notes the
// greatest.
func (r *Request) countRefs(b []byte, i int) (int, error) {
	n, greatest := 0, r.maxRef
	for i < len(b) {
		v := uint32(b[i])
		switch {
		case v < 0x80:
			i++
		case i+1 < len(b) && b[i+1] < 0x80:
			v = v&0x7f | uint32(b[i+1])<<7
			i += 2
		default:
			long, next := longVarint(b, i)
			if next < 0 {
				return 0, malformed(i, errPacked)
			}
			v, i = uint32(long), next
		}
		greatest = max(greatest, v)
		n++
	}
	r.maxRef = greatest
	return n, nil
}

// fieldRefs counts the references of one field, packed or not.
func (r *Request) fieldRefs(b []byte, f field) (int, error) {
	switch f.wire {
	case wireVarint:
		r.maxRef = max(r.maxRef, uint32(f.n))
		return 1, nil
	case wireBytes:
		return r.countRefs(b[:f.end], f.val)
	}
	return 0, malformed(f.start, errWireType)
}

// restV2 walks a series from i on, after its plain head. It returns how many
// label references it met.
func (r *Request) restV2(b []byte, i int, e *Entry) (refs int, err error) {
	var hs span
	for i < len(b) {
		if val, end, ok := plainHeader(b, i, 0x2a); ok {
			if err := r.checkMetadata(b[:end], val); err != nil {
				return 0, err
			}
			r.metadata = r.metadata || val < end
			i = end
			continue
		}
		f, err := readField(b, i)
		if err != nil {
			return 0, err
		}
		if f.num >= 2 && f.num <= 5 && f.wire != wireBytes {
			return 0, malformed(i, errWireType)
		}
		msg := b[:f.end]
		switch f.num {
		case 1:
			e.Flags |= Scattered
			var n int
			n, err = r.fieldRefs(b, f)
			refs += n
		case 2:
			var ms int64
			var bits uint64
			ms, bits, err = readSample(msg, f.val, V2)
			e.addSample(ms, bits)
		case 3:
			var h histogramHead
			h, err = readHistogram(msg, f.val, V2)
			hs.add(h)
		case 4:
			e.Exemplars++
			err = r.checkExemplarV2(msg, f.val)
		case metadataFieldV2:
			err = r.checkMetadata(msg, f.val)
			r.metadata = r.metadata || f.val < f.end
		}
		if err != nil {
			return 0, err
		}
		i = f.end
	}
	e.addHistograms(&hs)
	return refs, nil
}

// checkExemplarV2 checks an exemplar that begins at i and ends with b.
func (r *Request) checkExemplarV2(b []byte, i int) error {
	refs := 0
	for at := i; i < len(b) || refs%2 != 0; {
		if i == len(b) {
			return malformed(at, errOddRefs)
		}
		f, err := readField(b, i)
		if err != nil {
			return err
		}
		if f.num == 1 {
			n, err := r.fieldRefs(b, f)
			if err != nil {
				return err
			}
			refs += n
		} else if f.num <= 3 && f.wire != exemplarWire[f.num] {
			return malformed(i, errWireType)
		}
		i = f.end
	}
	return nil
}

// checkMetadata checks the metadata that begins at i and ends with b. Of a
// repeated reference each must be in range, not only the last, which holds.
func (r *Request) checkMetadata(b []byte, i int) error {
	for i < len(b) {
		if next, ref := plainRef(b, i); next != i {
			r.maxRef = max(r.maxRef, ref)
			i = next
			continue
		}
		f, err := readField(b, i)
		if err != nil {
			return err
		}
		switch f.num {
		case 1, 3, 4:
			if f.wire != wireVarint {
				return malformed(i, errWireType)
			}
			if f.num != 1 {
				r.maxRef = max(r.maxRef, uint32(f.n))
			}
		}
		i = f.end
	}
	return nil
}

// plainRef reads a metadata field of a tag of one byte and a number of one or
// two. It returns i where the field is another one or is written in another way,
// and for the type, which is no reference, 0.
func plainRef(b []byte, i int) (next int, ref uint32) {
	if i+1 >= len(b) {
		return i, 0
	}
	ref = uint32(b[i+1])
	next = i + 2
	if ref >= 0x80 {
		if next >= len(b) || b[next] >= 0x80 {
			return i, 0
		}
		ref = ref&0x7f | uint32(b[next])<<7
		next++
	}
	switch b[i] {
	case 0x08:
		return next, 0
	case 0x18, 0x20:
		return next, ref
	}
	return i, 0
}

// checkRefs checks what depends on the whole symbols table.
func (r *Request) checkRefs() error {
	end := len(r.Body)
	if len(r.symbols) == 0 {
		if len(r.Entries) > 0 {
			return malformed(end, errNoSymbols)
		}
		return nil
	}
	if r.symbols[0].len != 0 {
		return malformed(int(r.symbols[0].off), errFirstSymbol)
	}
	if int64(r.maxRef) >= int64(len(r.symbols)) {
		return malformed(end, errRef)
	}
	return r.checkExpansion()
}

// checkExpansion refuses a body whose references stand for far more bytes of
// labels than a sender has. Nearly always a bound from totals tells, and the
// references need no second look.
func (r *Request) checkExpansion() error {
	const frame = 10 // bytes around a symbol in LabelBytes, at most
	budget := max(maxExpandedBytes, maxExpandedFactor*len(r.Body))
	if r.maxEntryRefs*(r.longest+frame) <= maxLabelBytes && r.refs*(r.longest+frame) <= budget {
		return nil
	}
	total := 0
	for i := range r.Entries {
		e := &r.Entries[i]
		size := 0
		for _, ref := range r.entryRefs(e) {
			size += int(r.symbols[ref].len)
		}
		total += size
		if size > maxLabelBytes || total > budget {
			return malformed(int(e.Start), errExpanded)
		}
	}
	return nil
}
