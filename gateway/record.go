package gateway

import "math"

// unset is the timestamp of what has not happened yet.
const unset = math.MinInt64

// A record is what is remembered of one series: 64 bytes without pointers, so
// that a million of them cost the garbage collector nothing and one cache line
// each. DESIGN, section 2, calls the whole of them the series table.
type record struct {
	key   uint64 // with check: 96 bits of the series' hash
	check uint32
	next  uint32 // the record that followed last time: the predicted successor

	class  uint32 // what the policy of generation gen says
	entry  uint32 // its newest entry in the request that visited it last
	gen    uint16 // generation of class; 0 where class holds nothing
	shadow uint16 // interval of the last sample that shadow thinning would keep
	place  place  // of its family, where its tenant has a limit
	part   uint8  // part of the window in which it was seen last
	phase  phase

	tried  int64 // newest sample forwarded or attempted, ms
	last   int64 // newest sample kept by a committed request, ms
	before int64 // what the committed request that moved last was judged by, ms: last as it was then
	marker int64 // newest stale marker forwarded, ms
}

// A place is where a family stands in the order in which a priority is cut
// (limiter.PlaceOf), and a bit.
type place uint16

// asks is set while active_series has yet to admit the series in this part of the
// window: with each of its requests, until one was stored.
const asks place = 1

// recordBytes is the size of a record; a test holds it.
const recordBytes = 64

// A phase is where a series is between its samples and its stale markers. Its
// first three bits are now; three more are what the committed request that moved
// last or marker was judged by, and a retry of it will be.
type phase uint8

const (
	known   phase = 1 << iota // a committed request has contained the series
	live                      // something was forwarded since its last stale marker
	gap                       // a native histogram was removed since the last one kept
	thinned                   // last and before are those of a thinning rule

	beforeShift = 4
	attempted   = phase(1 << 7) // a sample was attempted since, and may have been stored
	current     = known | live | gap
)

// remember returns p with before as what a retry is judged by.
func (p phase) remember(before phase) phase {
	return p&^(current<<beforeShift) | before&current<<beforeShift
}

// previous returns what remember was given.
func (p phase) previous() phase { return p >> beforeShift & current }

// blank makes r the record of a series never seen.
func (r *record) blank(k key, part uint8) {
	*r = record{
		key: k.hi, check: k.check, part: part,
		tried: unset, last: unset, before: unset, marker: unset,
		entry: math.MaxUint32,
	}
}

// is reports whether r is the record of k.
func (r *record) is(k key) bool { return r.key == k.hi && r.check == k.check }
