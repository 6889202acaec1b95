package explosion

import "math"

// Minutes.
const (
	slotMinutes   = 10
	bucketMinutes = 12 * 60
	memoryMinutes = bucketMinutes * int32(len(days{}.Buckets))
)

const (
	// The trailing reference is taken from the slots of these ages: 50 minutes
	// old at least, 130 at most. It is their greatest, so that a gap, or a dip,
	// is nothing to grow from.
	youngestReference = 6
	oldestReference   = 12

	// leastReference is how many of these slots must have seen series. The first
	// three may be those of a roll-out: a metric that begins to exist, or exists
	// again, is judged after 100 minutes.
	leastReference = 4

	// referenceFall is how fast the trailing reference follows downwards: half in
	// 12 hours, so that the return of what was missing for some hours (one of two
	// senders, a cluster) is no growth.
	referenceFall = float64(slotMinutes) / (12 * 60) // octaves a slot

	// A slot with less than this many live series was empty.
	leastLive = 1.0 / 1024
)

// recent is the level of live series over the last two hours, by slots of ten
// minutes.
type recent struct {
	Slots     [oldestReference]mark
	Slot      int32   // under way
	Sum       float32 // of live series in it
	Readings  uint8   // in it
	Known     bool    // Reference is one
	Reference float32 // octaves
}

// add takes the live series of a minute, and reports whether a slot ended.
func (r *recent) add(now int32, live float64) bool {
	slot := now / slotMinutes
	turned := false
	if slot != r.Slot {
		turned = r.Readings > 0
		if turned {
			r.end(slot)
		}
		r.Slot, r.Sum, r.Readings = slot, 0, 0
	}
	r.Sum += float32(live)
	r.Readings++
	return turned
}

// end stores the slot under way, forgets those for which there was none, and
// moves the reference to where it is when slot begins.
func (r *recent) end(slot int32) {
	passed := min(slot-r.Slot, oldestReference)
	for age := int32(1); age <= passed; age++ {
		*r.at(slot - age) = 0
	}
	if mean := float64(r.Sum) / float64(r.Readings); mean >= leastLive && slot-r.Slot <= oldestReference {
		*r.at(r.Slot) = markOf(math.Log2(mean))
	}
	r.Reference -= float32(referenceFall * float64(slot-r.Slot))
	for age := int32(youngestReference); age <= oldestReference; age++ {
		m := *r.at(slot - age)
		if m != 0 && (!r.Known || m.octaves() > float64(r.Reference)) {
			r.Known, r.Reference = true, float32(m.octaves())
		}
	}
}

// newest returns the level of the slot that ended last, or none.
func (r *recent) newest(now int32) mark {
	return *r.at(now/slotMinutes - 1)
}

// at returns where a slot is kept that is no older than oldestReference.
func (r *recent) at(slot int32) *mark {
	return &r.Slots[(slot+oldestReference)%oldestReference]
}

// reference returns the trailing level, if enough of the trailing time has one.
func (r *recent) reference(now int32) (octaves float64, ok bool) {
	slot, known := now/slotMinutes, 0
	for age := int32(youngestReference); age <= oldestReference; age++ {
		if *r.at(slot - age) != 0 {
			known++
		}
	}
	return float64(r.Reference), r.Known && known >= leastReference
}

// raise moves all levels, since what they are measured in has changed.
func (r *recent) raise(octaves float64) {
	for i, m := range r.Slots {
		r.Slots[i] = m.raised(octaves)
	}
	r.Sum *= float32(math.Exp2(octaves))
	r.Reference += float32(octaves)
}

// reset makes one level the reference, as if it had never been another.
func (r *recent) reset(octaves float64) {
	for i := range r.Slots {
		r.Slots[i] = markOf(octaves)
	}
	r.Sum, r.Readings = 0, 0
	r.Known, r.Reference = true, float32(octaves)
}

// days is the highest level of each half day, of the last eight days. They are
// counted from the first reading. Eight, so that Monday remembers the weekdays.
type days struct {
	Buckets [16]mark
	Bucket  int32 // the newest
}

// add takes the level of a slot that ended.
func (d *days) add(first, now int32, level mark) {
	const n = int32(len(d.Buckets))
	b := (now - first) / bucketMinutes
	for i := range min(b-d.Bucket, n) {
		d.Buckets[(b-i)%n] = 0
	}
	d.Bucket = max(d.Bucket, b)
	d.Buckets[d.Bucket%n] = max(d.Buckets[d.Bucket%n], level)
}

// usual returns the level that the metric reaches on its days, leaving out the
// last one (24 to 36 hours), so that a leak has a day to show itself. There is
// none before there has been a first day. With two days and more it is what was
// reached on two of them, which an explosion on one day does not change, and it
// is then a habit.
func (d *days) usual(first, now int32) (octaves float64, ok, habit bool) {
	const n = int32(len(d.Buckets))
	b := (now - first) / bucketMinutes
	if b < 2 {
		return 0, false, false
	}
	oldest, newest := max(0, b-n+1), max(1, b-3)
	if d.Bucket < newest { // nothing was seen since
		newest = d.Bucket
	}
	highest, at := mark(0), int32(0)
	for i := oldest; i <= newest; i++ {
		if m := d.Buckets[i%n]; m > highest {
			highest, at = m, i
		}
	}
	if newest-oldest < 3 {
		return highest.octaves(), highest != 0, false
	}
	second := mark(0)
	for i := oldest; i <= newest; i++ {
		if i < at-1 || i > at+1 {
			second = max(second, d.Buckets[i%n])
		}
	}
	return second.octaves(), second != 0, second != 0
}

// raise moves the levels of all half days before the given one.
func (d *days) raise(octaves float64, before int32) {
	const n = int32(len(d.Buckets))
	for i := max(0, d.Bucket-n+1); i <= d.Bucket && i < before; i++ {
		d.Buckets[i%n] = d.Buckets[i%n].raised(octaves)
	}
}
