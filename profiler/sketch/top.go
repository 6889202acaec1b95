package sketch

import (
	"cmp"
	"math"
	"slices"
	"unicode/utf8"
)

const (
	// maxTop is how many values a Top can keep: places are numbered by 16 bits.
	maxTop = 1 << 14

	// maxValueBytes is how much of a value is kept.
	maxValueBytes = 256
)

// A Top keeps the values with the most series, and at most so many, by the
// Space-Saving algorithm (Metwally, Agrawal, El Abbadi 2005, "Efficient
// computation of frequent and top-k elements in data streams", 3.1). A value with
// more than 1/size of all that was added in a part is certain to be among them.
//
// It counts over two parts, the one under way and the last full one: series are
// added once a part, and only the full one has them all.
//
// A Top is not safe for concurrent use. Items, AppendBinary and Bytes only read.
type Top struct {
	size    int
	newest  int64 // part; means nothing while both summaries are empty
	current summary
	last    summary // of part newest-1
}

// NewTop returns an empty Top of size values, at least 1 and at most 16384.
func NewTop(size int) *Top {
	return &Top{size: min(max(size, 1), maxTop)}
}

// Add counts value n times in part. The value is copied when it is kept, into
// memory of values that were let go: in the long run Add does not allocate.
//
// Of a value of more than 256 bytes the beginning is kept and the hash of all of
// it, as in "beginning...#0123456789abcdef", so that long values stay apart.
func (t *Top) Add(part int64, value string, n uint32) {
	s := &t.current
	if part != t.newest || t.empty() {
		if s = t.obtain(part); s == nil {
			return
		}
	}
	h := Value(value)
	if len(value) > maxValueBytes {
		value = shorten(value, h)
		h = Value(value)
	}
	s.add(value, h, n, t.size)
}

// obtain returns the summary of part, or nil where part is too old. A part beyond
// the newest turns t on.
func (t *Top) obtain(part int64) *summary {
	switch {
	case t.empty():
		t.newest = part
	case part == t.newest:
	case part > t.newest:
		t.current, t.last = t.last, t.current
		t.current.reset()
		if part-1 != t.newest {
			t.last.reset()
		}
		t.newest = part
	case part == t.newest-1:
		return &t.last
	default:
		return nil
	}
	return &t.current
}

func (t *Top) empty() bool { return len(t.current.slots)+len(t.last.slots) == 0 }

// shorten returns what is kept of a value that is too long: as much as fits of
// its beginning, whole characters where it is UTF-8, and its hash h.
func shorten(value string, h Hash) string {
	const digits = "0123456789abcdef"
	const tail = len("...#") + 16
	n := maxValueBytes - tail
	for range utf8.UTFMax - 1 {
		if utf8.RuneStart(value[n]) {
			break
		}
		n--
	}
	b := make([]byte, 0, maxValueBytes)
	b = append(append(b, value[:n]...), "...#"...)
	for i := 60; i >= 0; i -= 4 {
		b = append(b, digits[h>>i&15])
	}
	return string(b)
}

// An Item is a value with the number of its series, which is from Count-Error to
// Count.
type Item struct {
	Value        string
	Count, Error uint32
}

// Items returns at most n values, those with the highest Count first and equal
// ones in order. Of each value it is the greater number that counts, that of part
// or that of the part before.
func (t *Top) Items(part int64, n int) []Item {
	var now, before *summary
	switch {
	case t.empty():
		return nil
	case part == t.newest:
		now, before = &t.current, &t.last
	case part == t.newest-1:
		now, before = &t.last, &summary{}
	case part-1 == t.newest:
		now, before = &summary{}, &t.current
	default:
		return nil
	}
	items := make([]Item, 0, len(now.slots)+len(before.slots))
	for i := range now.slots {
		x := &now.slots[i]
		items = append(items, x.greater(string(x.value), before))
	}
	for i := range before.slots {
		x := &before.slots[i]
		if value := string(x.value); now.find(value, x.hash) < 0 {
			items = append(items, x.greater(value, now))
		}
	}
	slices.SortFunc(items, func(a, b Item) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Value, b.Value))
	})
	return items[:min(max(n, 0), len(items))]
}

// greater returns the greater number of series that x's value has, here or in s.
func (x *slot) greater(value string, s *summary) Item {
	least, most := s.bounds(value, x.hash)
	most = max(most, x.count)
	return Item{value, most, most - max(least, x.least())}
}

// Merge adds what o has counted, of another process, and leaves o as it is. A Top
// cannot tell whether the series that both have seen are the same: Count is as if
// they were not, Error as if they were.
func (t *Top) Merge(o *Top) {
	if t == o || o.empty() {
		return
	}
	newest := o.newest
	if !t.empty() {
		newest = max(newest, t.newest)
	}
	into := t.obtain(newest)
	switch o.newest {
	case newest:
		into.merge(&o.current, t.size)
		t.last.merge(&o.last, t.size)
	case newest - 1:
		t.last.merge(&o.current, t.size)
	}
}

// Bytes returns how much heap t takes.
func (t *Top) Bytes() int {
	const self = 208
	return self + t.current.bytes() + t.last.bytes()
}

// saturating returns a+b, or the greatest number where that is more.
func saturating(a, b uint32) uint32 {
	return uint32(min(uint64(a)+uint64(b), math.MaxUint32))
}
