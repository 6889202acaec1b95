package remotewrite

import (
	"errors"
	"fmt"
	"math"
)

// Limits are what one body may hold. Zero means no limit.
type Limits struct {
	MaxDecodedBytes    int // of a body
	MaxSeries          int // TimeSeries messages of a body
	MaxLabels          int // of a series
	MaxLabelNameBytes  int
	MaxLabelValueBytes int
}

// Caps that no setting lifts. They bound the memory and the time that a body
// can cost, far above what a sender has reason to send.
const (
	// maxEntryLabels bounds what AppendLabels appends.
	maxEntryLabels = 1 << 16
	// maxLabelBytes bounds what LabelBytes writes to scratch: the labels of one
	// 2.0 series, where two bytes of reference may stand for a symbol of any
	// length, and the message of a 1.0 series whose labels are scattered.
	maxLabelBytes = 1 << 20
	// maxExpandedBytes bounds the labels of all series of a 2.0 body written
	// out, unless the body itself is so large that maxExpandedFactor times its
	// length is more.
	maxExpandedBytes  = 64 << 20
	maxExpandedFactor = 16
	// A sample, histogram or exemplar of our age takes at least minItemBytes;
	// freeItems may be smaller.
	minItemBytes = 8
	freeItems    = 1024
	// symbolsPerSeries and freeSymbols bound the symbols table by MaxSeries.
	symbolsPerSeries = 8
	freeSymbols      = 1024
)

// What Reset keeps: scratch of more entries, symbols or bytes is given back.
const (
	maxKeptEntries = 1 << 14
	maxKeptSymbols = 1 << 16
	maxKeptBytes   = 1 << 16
)

// Sizes in bytes of what Grow is asked for.
const (
	entryBytes  = 48
	symbolBytes = 8 + 4 + 4 // the symbol, and its places in the filter's tables
)

// Why a body exceeds a cap.
var (
	errCap      = errors.New("over a limit")
	errBodySize = fmt.Errorf("%w: decoded bytes", errCap)
	errSeries   = fmt.Errorf("%w: series in a request", errCap)
	errSymbols  = fmt.Errorf("%w: symbols in a request", errCap)
	errItems    = fmt.Errorf("%w: samples and exemplars for the size of the body", errCap)
	errLabels   = fmt.Errorf("%w: labels of a series", errCap)
	errExpanded = fmt.Errorf("%w: bytes of labels behind references", errCap)
)

// A Request is one decoded body and where its series lie. It is reused: what is
// read from it are views into Body, valid until the next Parse or Reset. Labels
// are read on demand.
//
// A Request is owned by one goroutine at a time. The zero value is ready.
type Request struct {
	Version Version
	Body    []byte
	Entries []Entry // one per TimeSeries message, in wire order

	Samples, Histograms, Exemplars int // totals over Entries

	// Others says that something besides series and symbols stands at the top
	// level: metadata of 1.0, unknown fields.
	Others bool

	// Grow, if set, is asked before scratch grows by so many bytes. Its error
	// ends Parse, which returns it as it is.
	Grow func(bytes int) error

	symbols []symbol // of 2.0

	metadata      bool // there is a message of metadata that is not empty
	firstMetadata int  // where the first such field of 1.0 stands

	// Of 2.0, while walking and after: the greatest reference, how many
	// references all series and the richest hold, the longest symbol in bytes.
	maxRef                      uint32
	refs, maxEntryRefs, longest int
	lengthened                  bool // a symbol's length is no minimal varint
	scratch                     []byte
	refScratch                  []uint32
	remap                       []uint32          // new reference by old, 0 for none
	order                       []uint32          // old reference by new
	added                       map[string]uint32 // new reference of strings that the body has not
	addedSymbols                []string
}

// A symbol is one string of the symbols table, in Body.
type symbol struct{ off, len uint32 }

// Parse walks body, which r keeps, and finds its series. Errors are
// [ErrMalformed], or Grow's; after one r has no entries.
func (r *Request) Parse(v Version, body []byte, lim Limits) error {
	err := r.parse(v, body, lim)
	if err != nil {
		r.Entries, r.symbols = r.Entries[:0], r.symbols[:0]
		r.Samples, r.Histograms, r.Exemplars = 0, 0, 0
		r.Others, r.metadata = false, false
	}
	return err
}

func (r *Request) parse(v Version, body []byte, lim Limits) error {
	r.Version, r.Body = v, body
	r.Entries, r.symbols = r.Entries[:0], r.symbols[:0]
	r.Samples, r.Histograms, r.Exemplars = 0, 0, 0
	r.Others, r.metadata = false, false
	r.maxRef, r.refs, r.maxEntryRefs, r.longest, r.lengthened = 0, 0, 0, 0, false
	limit := uint64(math.MaxUint32) // entries hold offsets of 32 bits
	if lim.MaxDecodedBytes > 0 {
		limit = min(limit, uint64(lim.MaxDecodedBytes))
	}
	if uint64(len(body)) > limit {
		return malformed(lim.MaxDecodedBytes, errBodySize)
	}
	var err error
	if v == V2 {
		err = r.walkV2(lim)
	} else {
		err = r.walkV1(lim)
	}
	if err != nil {
		return err
	}
	for i := range r.Entries {
		e := &r.Entries[i]
		r.Samples += int(e.Samples)
		r.Histograms += int(e.Histograms)
		r.Exemplars += int(e.Exemplars)
	}
	if r.Samples+r.Histograms+r.Exemplars > freeItems+len(body)/minItemBytes {
		return malformed(len(body), errItems)
	}
	return nil
}

// Reset drops the body and keeps scratch of ordinary size for the next one.
func (r *Request) Reset() {
	r.Body = nil
	r.Samples, r.Histograms, r.Exemplars = 0, 0, 0
	r.Others, r.metadata = false, false
	r.Entries, r.symbols = r.Entries[:0], r.symbols[:0]
	if cap(r.Entries) > maxKeptEntries {
		r.Entries = nil
	}
	if cap(r.symbols) > maxKeptSymbols {
		r.symbols, r.remap, r.order = nil, nil, nil
	}
	if cap(r.scratch) > maxKeptBytes {
		r.scratch = nil
	}
	if cap(r.refScratch) > maxKeptBytes/4 {
		r.refScratch = nil
	}
	clear(r.addedSymbols)
	r.addedSymbols = r.addedSymbols[:0]
	r.added = nil
}

// addEntry returns a new entry; limit is the greatest number of them, 0 for
// none.
func (r *Request) addEntry(at, limit int) (*Entry, error) {
	n := len(r.Entries)
	if n == cap(r.Entries) || limit > 0 && n >= limit {
		if err := r.growEntries(at, limit); err != nil {
			return nil, err
		}
	}
	r.Entries = r.Entries[:n+1]
	return &r.Entries[n], nil
}

func (r *Request) growEntries(at, limit int) error {
	n, c := len(r.Entries), max(256, 2*cap(r.Entries))
	if limit > 0 {
		if n >= limit {
			return malformed(at, errSeries)
		}
		c = min(c, limit)
	}
	if r.Grow != nil {
		if err := r.Grow((c - cap(r.Entries)) * entryBytes); err != nil {
			return err
		}
	}
	grown := make([]Entry, n, c)
	copy(grown, r.Entries)
	r.Entries = grown
	return nil
}

func (r *Request) growSymbols(at, limit int) error {
	n, c := len(r.symbols), max(1024, 2*cap(r.symbols))
	if limit > 0 {
		if n >= limit {
			return malformed(at, errSymbols)
		}
		c = min(c, limit)
	}
	if r.Grow != nil {
		if err := r.Grow((c - cap(r.symbols)) * symbolBytes); err != nil {
			return err
		}
	}
	grown := make([]symbol, n, c)
	copy(grown, r.symbols)
	r.symbols = grown
	return nil
}
