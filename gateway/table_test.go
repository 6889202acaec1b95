package gateway

import (
	"reflect"
	"testing"

	"pgregory.net/rapid"

	"github.com/headgate/headgate/profiler"
)

func TestRecordIsOneCacheLine(t *testing.T) {
	if n := reflect.TypeFor[record]().Size(); n != recordBytes {
		t.Errorf("a record takes %d bytes, want %d", n, recordBytes)
	}
}

// The table agrees with a map, through growth, ageing, reuse and a budget that
// runs out; no record seen in the window is ever given up.
func TestTableIsAMap(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		limit := rapid.Int64Range(2*pageBytes, 12*pageBytes).Draw(rt, "bytes")
		var b budget
		b.give(limit)
		tab := &table{budget: &b}
		type seen struct {
			rec uint32
			own int64 // the part of its own in which it was seen last
		}
		model := map[key]*seen{}
		now := profiler.Moment{Part: 1000, Turn: uint8(rapid.IntRange(0, 255).Draw(rt, "turn"))}
		tab.turn(now)
		for range rapid.IntRange(1, 40).Draw(rt, "rounds") {
			from := rapid.Uint64Range(0, 4000).Draw(rt, "from")
			for n := range rapid.Uint64Range(0, 600).Draw(rt, "n") {
				// Few distinct places in the index, so that runs collide.
				k := key{hi: (from+n)%97<<40 | (from+n)%7<<61, check: uint32(from+n) + 1}
				rec := tab.find(k)
				if m := model[k]; m != nil && now.Part-m.own <= windowParts && rec != m.rec {
					rt.Fatalf("record of %v is %d, was %d, seen in part %d", k, rec, m.rec, m.own)
				}
				known := rec != 0
				if !known {
					if rec = tab.insert(k); rec == 0 {
						if tab.expired() > 0 {
							rt.Fatalf("no room, while %d records are expired", tab.expired())
						}
						delete(model, k)
						continue
					}
				}
				r := tab.at(rec)
				if !r.is(k) {
					rt.Fatalf("record %d is of another key", rec)
				}
				own := now.Own(uint8(k.hi >> 56))
				if m := model[k]; known && tab.visit(r) != (m.own != own) {
					rt.Fatalf("record of %v, seen in its part %d, is not noted once in part %d", k, m.own, own)
				}
				if tab.visit(r) {
					rt.Fatal("a record is visited twice in its part")
				}
				model[k] = &seen{rec, own}
			}
			parts := rapid.Int64Range(0, 3).Draw(rt, "parts")
			if now.Part += parts; parts > 0 {
				now.Turn = uint8(rapid.IntRange(0, 255).Draw(rt, "turn"))
			}
			tab.turn(now)
			active, oldest := 0, 0
			for _, m := range model {
				switch age := now.Part - m.own; {
				case age < windowParts:
					active++
				case age == windowParts:
					oldest++
				}
			}
			active += oldest * (256 - int(now.Turn)) / 256
			if got := tab.active(); got != active {
				rt.Fatalf("%d series active, want %d", got, active)
			}
		}
		used := int64(len(tab.pages))*pageBytes + int64(len(tab.slots))*slotBytes
		if b.left.Load()+used != limit || b.left.Load() < 0 {
			rt.Fatalf("%d bytes left of %d, %d used", b.left.Load(), limit, used)
		}
		if tab.release(); b.left.Load() != limit {
			rt.Fatalf("%d bytes left of %d after release", b.left.Load(), limit)
		}
	})
}

func TestSpilledRecordComesBack(t *testing.T) {
	c := &spillCache{bytes: 32 << 20}
	a, b := c.forTenant(), c.forTenant()
	k := key{7, 9}
	want := record{key: 7, check: 9, class: 3, shadow: 4, place: 3, gen: 5, part: 6, phase: live, tried: -1, last: 2, before: unset, marker: 1 << 60}
	a.put(&want)
	var got record
	if !a.get(k, &got) || got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if b.get(k, &got) {
		t.Error("another tenant sees the record")
	}
	if a.renew(); a.get(k, &got) {
		t.Error("the record outlived renew")
	}
}
