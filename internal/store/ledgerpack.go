package store

import (
	"encoding/binary"
	"errors"
	"math/bits"
	"slices"

	"github.com/headgate/headgate/attribution"
)

// A pack is the sums of cells by key, written in some six bytes each:
//
//	version, number of rules, of each the length of its name and the name, then rows in the order of keys:
//	key less the one before, which counts follow, those counts,
//	and where it has rules their number and of each its number in the list and its three counts
//
// All numbers but the version and which counts follow are varints.
type pack []byte

// packVersion begins every pack.
const packVersion = 1

// Which counts of a row follow: a bit for each outcome, from the first on, and these.
const (
	packSeries = 1 << attribution.Outcomes
	packRules  = packSeries << 1
)

var errPack = errors.New("the sums of a day are damaged")

// A keySum is what the cells of one key add up to.
type keySum struct {
	key    int64
	counts [attribution.Outcomes + 1]uint64 // the last are series-hours
	rules  []attribution.RuleCount
}

// add adds o, of the same key, and reports whether the sums of samples fit. Series may
// be fewer than before: what o has is then below zero, as two's complement.
func (s *keySum) add(o *keySum) bool {
	fits := true
	for i, n := range o.counts[:attribution.Outcomes] {
		fits = addFits(&s.counts[i], n) && fits
	}
	s.counts[attribution.Outcomes] += o.counts[attribution.Outcomes]
	for i := range o.rules {
		r := &o.rules[i]
		at := slices.IndexFunc(s.rules, func(of attribution.RuleCount) bool { return of.Rule == r.Rule })
		if at < 0 {
			s.rules = append(s.rules, *r)
			continue
		}
		of := &s.rules[at]
		fits = addFits(&of.Dropped, r.Dropped) && fits
		fits = addFits(&of.Downsampled, r.Downsampled) && fits
		of.SeriesHours += r.SeriesHours
	}
	return fits
}

func addFits(n *uint64, v uint64) bool {
	sum, carry := bits.Add64(*n, v, 0)
	*n = sum
	return carry == 0
}

// A packReader reads the rows of a pack.
type packReader struct {
	rest  []byte
	names []string // of rules
	keySum
	bad bool
}

// read returns a reader of p; nil is a pack without rows.
func (p pack) read() packReader {
	r := packReader{rest: p}
	if p == nil {
		return r
	}
	if len(p) == 0 || p[0] != packVersion {
		r.bad, r.rest = true, nil
		return r
	}
	r.rest = p[1:]
	for n := r.number(); n > 0 && !r.bad; n-- {
		length := r.number()
		if length > uint64(len(r.rest)) {
			r.bad = true
			break
		}
		r.names = append(r.names, string(r.rest[:length]))
		r.rest = r.rest[length:]
	}
	return r
}

func (r *packReader) number() uint64 {
	if len(r.rest) > 0 && r.rest[0] < 0x80 {
		n := uint64(r.rest[0])
		r.rest = r.rest[1:]
		return n
	}
	n, size := binary.Uvarint(r.rest)
	if size <= 0 {
		r.bad, r.rest = true, nil
		return 0
	}
	r.rest = r.rest[size:]
	return n
}

// next reads a row; it is valid until the next one is read. It reports false at the
// end, and where the pack is damaged.
func (r *packReader) next() bool {
	if r.bad || len(r.rest) == 0 {
		return false
	}
	r.key += int64(r.number())
	if len(r.rest) == 0 {
		r.bad = true
		return false
	}
	has := r.rest[0]
	r.rest = r.rest[1:]
	for i := range r.counts {
		r.counts[i] = 0
		if has&(1<<i) != 0 {
			r.counts[i] = r.number()
		}
	}
	r.rules = r.rules[:0]
	if has&packRules != 0 {
		for n := r.number(); n > 0 && !r.bad; n-- {
			at := r.number()
			if at >= uint64(len(r.names)) {
				r.bad = true
				break
			}
			r.rules = append(r.rules, attribution.RuleCount{Rule: r.names[at], Dropped: r.number(), Downsampled: r.number(), SeriesHours: r.number()})
		}
	}
	return !r.bad
}

// with returns the sums of p and more, which is in the order of keys, each once.
func (p pack) with(more []keySum) (pack, error) {
	r := p.read()
	names := slices.Clone(r.names)
	number := make(map[string]uint64, len(names))
	for i, n := range names {
		number[n] = uint64(i)
	}
	for i := range more {
		for _, of := range more[i].rules {
			if _, known := number[of.Rule]; !known {
				number[of.Rule] = uint64(len(names))
				names = append(names, of.Rule)
			}
		}
	}
	out := make(pack, 0, len(p)+8*len(more)+64)
	out = binary.AppendUvarint(append(out, packVersion), uint64(len(names)))
	for _, n := range names {
		out = append(binary.AppendUvarint(out, uint64(len(n))), n...)
	}
	last := int64(0)
	write := func(s *keySum) {
		out = s.append(out, last, number)
		last = s.key
	}
	fits := true
	for r.next() {
		for len(more) > 0 && more[0].key < r.key {
			write(&more[0])
			more = more[1:]
		}
		if len(more) > 0 && more[0].key == r.key {
			fits = r.add(&more[0]) && fits
			more = more[1:]
		}
		write(&r.keySum)
	}
	for i := range more {
		write(&more[i])
	}
	switch {
	case r.bad:
		return nil, errPack
	case !fits:
		return nil, attribution.ErrTooMuch
	}
	return out, nil
}

// append appends a row, the one before having been last's.
func (s *keySum) append(out pack, last int64, number map[string]uint64) pack {
	out = binary.AppendUvarint(out, uint64(s.key-last))
	at := len(out)
	out = append(out, 0)
	for i, n := range s.counts {
		if n > 0 {
			out[at] |= 1 << i
			out = binary.AppendUvarint(out, n)
		}
	}
	if len(s.rules) == 0 {
		return out
	}
	out[at] |= packRules
	out = binary.AppendUvarint(out, uint64(len(s.rules)))
	for i := range s.rules {
		r := &s.rules[i]
		out = binary.AppendUvarint(out, number[r.Rule])
		out = binary.AppendUvarint(out, r.Dropped)
		out = binary.AppendUvarint(out, r.Downsampled)
		out = binary.AppendUvarint(out, r.SeriesHours)
	}
	return out
}
