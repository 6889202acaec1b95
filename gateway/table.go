package gateway

import (
	"sync/atomic"

	"github.com/headgate/headgate/profiler"
	"github.com/headgate/headgate/profiler/sketch"
)

const (
	pageRecords = 256
	pageBytes   = pageRecords * recordBytes
	slotBytes   = 8

	// Parts per window, and how many part numbers exist: a record's part is kept
	// modulo partNumbers, and the sweep forgets records long before that wraps.
	windowParts = sketch.Parts
	partNumbers = 250

	tombstone = uint64(1) << 32 // an index slot that was in use; idx 0 is no record
)

// A budget is an allowance in bytes shared by all tenants' tables.
type budget struct {
	left atomic.Int64
}

// take takes n bytes, or nothing.
func (b *budget) take(n int64) bool {
	if b.left.Add(-n) >= 0 {
		return true
	}
	b.left.Add(n)
	return false
}

func (b *budget) give(n int64) { b.left.Add(n) }

// A table holds the records of one tenant's series. Records lie in order of
// arrival, because senders repeat their order: a record's predicted successor is
// mostly its neighbour. A record seen in the window is never given up. The
// tenant's lock guards it.
type table struct {
	budget *budget
	pages  []*[pageRecords]record
	used   uint32 // records handed out from pages so far; record 0 is not used
	free   uint32 // list of given-up records, linked by next

	slots []uint64 // open addressing: check<<32 | record, 0 is empty
	full  int      // slots that are not empty, tombstones included
	size  int      // records in the index

	now   profiler.Moment
	part  uint8               // of now, modulo partNumbers
	shift uint8               // of now
	seen  [partNumbers]uint32 // records by the part in which they were seen last
	sweep uint32              // page the next sweep looks at
}

// at returns record i. Record 0 exists and never matches a key in use.
func (t *table) at(i uint32) *record {
	return &t.pages[i/pageRecords][i%pageRecords]
}

// find returns the record of k, or 0.
func (t *table) find(k key) uint32 {
	if len(t.slots) == 0 {
		return 0
	}
	mask := uint64(len(t.slots) - 1)
	for p := k.hi & mask; ; p = (p + 1) & mask {
		s := t.slots[p]
		if s == 0 {
			return 0
		}
		if uint32(s>>32) == k.check && s != tombstone {
			if i := uint32(s); i != 0 && t.at(i).key == k.hi {
				return i
			}
		}
	}
}

// probe returns the first index slot of k. Loading many of them before following
// any lets the processor wait for memory once instead of each time.
func (t *table) probe(k key) uint64 {
	return t.slots[k.hi&uint64(len(t.slots)-1)]
}

// insert returns a blank record for k, which find did not know, or 0 where the
// budget is spent.
func (t *table) insert(k key) uint32 {
	if !t.makeRoom() {
		return 0
	}
	i := t.alloc()
	if i == 0 {
		return 0
	}
	r := t.at(i)
	r.blank(k, t.own(k.hi))
	t.seen[r.part]++
	t.place(k, i)
	t.size++
	return i
}

// place writes i into the first slot that k may have.
func (t *table) place(k key, i uint32) {
	mask := uint64(len(t.slots) - 1)
	p := k.hi & mask
	for t.slots[p] != 0 && t.slots[p] != tombstone {
		p = (p + 1) & mask
	}
	if t.slots[p] == 0 {
		t.full++
	}
	t.slots[p] = uint64(k.check)<<32 | uint64(i)
}

// makeRoom sees to it that the index has an empty slot to spare: by doubling it
// or, where the budget does not allow that or half of it is tombstones, by
// clearing those.
func (t *table) makeRoom() bool {
	if (t.full+1)*4 <= len(t.slots)*3 {
		return true
	}
	n := len(t.slots)
	if grown := max(64, 2*n); t.size*2 >= n && t.budget.take(int64(grown-n)*slotBytes) {
		n = grown
	} else {
		for range t.pages {
			if (t.size+1)*4 <= n*3 || t.expired() == 0 {
				break
			}
			t.sweepPage()
		}
		if (t.size+1)*4 > n*3 {
			return false
		}
	}
	old := t.slots
	t.slots, t.full = make([]uint64, n), 0
	for _, s := range old {
		if i := uint32(s); i != 0 {
			r := t.at(i)
			t.place(key{r.key, r.check}, i)
		}
	}
	return true
}

// alloc returns an unused record: a given-up one first, so that churn does not
// grow the table, then a fresh one.
func (t *table) alloc() uint32 {
	if t.free == 0 && t.expired() > t.size/8 {
		t.reclaim(64)
	}
	if t.free == 0 && int(t.used) == len(t.pages)*pageRecords && !t.addPage() {
		t.reclaim(len(t.pages))
	}
	if i := t.free; i != 0 {
		t.free = t.at(i).next
		return i
	}
	if int(t.used) < len(t.pages)*pageRecords {
		t.used++
		return t.used - 1
	}
	return 0
}

func (t *table) addPage() bool {
	if !t.budget.take(pageBytes) {
		return false
	}
	t.pages = append(t.pages, new([pageRecords]record))
	t.used = max(t.used, 1)
	return true
}

// turn moves the window on to m. Requests may come by in another order than they
// began: the window never turns back.
func (t *table) turn(m profiler.Moment) {
	if m.Part > t.now.Part || m.Part == t.now.Part && m.Turn > t.now.Turn {
		t.now, t.part, t.shift = m, uint8(m.Part%partNumbers), m.Shift()
	}
}

// own returns the part in which the series with that key is now, as
// [profiler.Moment.Own]. Each enters a part at its own moment, which its key decides,
// so that no part begins with all of them being profiled at once.
func (t *table) own(key uint64) uint8 {
	if uint8(key>>56)+t.shift < t.now.Turn {
		return t.part
	}
	if t.part == 0 {
		return partNumbers - 1
	}
	return t.part - 1
}

// visit notes that r is seen now, and reports whether that is the first time in
// its part of the window.
func (t *table) visit(r *record) bool {
	own := t.own(r.key)
	if r.part == own {
		return false
	}
	t.seen[r.part]--
	t.seen[own]++
	r.part = own
	return true
}

// active returns how many series were seen in the window. Some of those seen last
// in the oldest part are still in it: as much of them as of the current part is
// yet to come.
func (t *table) active() int {
	n := 0
	for age := range windowParts {
		n += int(t.seenAgo(age))
	}
	return n + int(t.seenAgo(windowParts))*(256-int(t.now.Turn))/256
}

// seenAgo returns how many records were last seen so many parts ago.
func (t *table) seenAgo(parts int) uint32 {
	return t.seen[(int(t.part)-parts+partNumbers)%partNumbers]
}

// expired returns how many records have left the window for certain.
func (t *table) expired() int {
	n := t.size
	for age := range windowParts + 1 {
		n -= int(t.seenAgo(age))
	}
	return n
}

// reclaim gives up the expired records of up to n pages, going round, and stops
// at the first page that had any.
func (t *table) reclaim(n int) {
	if t.expired() == 0 {
		return
	}
	for range min(n, len(t.pages)) {
		if t.sweepPage() > 0 {
			return
		}
	}
}

// sweepPage gives up the expired records of the next page and returns how many
// there were.
func (t *table) sweepPage() int {
	if int(t.sweep) >= len(t.pages) {
		t.sweep = 0
	}
	given := 0
	for j := range uint32(pageRecords) {
		i := t.sweep*pageRecords + j
		if i == 0 || i >= t.used {
			continue
		}
		r := t.at(i)
		if r.key == 0 && r.check == 0 {
			continue
		}
		if age := (int(t.part) - int(r.part) + partNumbers) % partNumbers; age <= windowParts {
			continue
		}
		t.remove(i)
		given++
	}
	t.sweep++
	return given
}

// remove takes record i out of the index and puts it on the free list.
func (t *table) remove(i uint32) {
	r := t.at(i)
	mask := uint64(len(t.slots) - 1)
	want := uint64(r.check)<<32 | uint64(i)
	p := r.key & mask
	for t.slots[p] != want {
		p = (p + 1) & mask
	}
	t.slots[p] = tombstone
	t.size--
	t.seen[r.part]--
	*r = record{next: t.free}
	t.free = i
}

// release gives all memory back. The table is empty afterwards.
func (t *table) release() {
	t.budget.give(int64(len(t.pages))*pageBytes + int64(len(t.slots))*slotBytes)
	*t = table{budget: t.budget, now: t.now, part: t.part, shift: t.shift}
}
