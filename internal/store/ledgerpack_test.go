package store

import (
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/headgate/headgate/attribution"
)

// rowsOf returns the rows of a pack, those of rules by name; ok is false where it is damaged.
func rowsOf(p pack) (rows []keySum, ok bool) {
	r := p.read()
	for r.next() {
		s := r.keySum
		s.rules = slices.SortedFunc(slices.Values(r.rules), func(a, b attribution.RuleCount) int { return compareRules(a, b) })
		rows = append(rows, s)
	}
	return rows, !r.bad
}

func compareRules(a, b attribution.RuleCount) int {
	if a.Rule < b.Rule {
		return -1
	}
	return 1
}

// drawSums draws sums of a few keys, in order.
func drawSums(t *rapid.T) []keySum {
	byKey := map[int64]*keySum{}
	for range rapid.IntRange(0, 8).Draw(t, "rows") {
		s := keySum{key: rapid.OneOf(rapid.Int64Range(0, 5), rapid.Int64Range(0, 1<<40)).Draw(t, "key")}
		for i := range s.counts {
			s.counts[i] = rapid.OneOf(rapid.Just(uint64(0)), rapid.Uint64Range(0, 300), rapid.Uint64Range(0, 1<<60)).Draw(t, "count")
		}
		for _, name := range rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"", "a", "drop-é", "z"}), 0, 3, rapid.ID).Draw(t, "rules") {
			n := rapid.Uint64Range(0, 1<<50).Draw(t, "removed")
			s.rules = append(s.rules, attribution.RuleCount{Rule: name, Dropped: n, Downsampled: n / 3, SeriesHours: n / 1000})
		}
		byKey[s.key] = &s
	}
	var sums []keySum
	for _, k := range slices.Sorted(maps.Keys(byKey)) {
		sums = append(sums, *byKey[k])
	}
	return sums
}

func TestAPackIsTheSumOfAllThatWasAdded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var p pack
		want := map[int64]*keySum{}
		for range rapid.IntRange(1, 5).Draw(t, "times") {
			more := drawSums(t)
			for i := range more {
				if want[more[i].key] == nil {
					want[more[i].key] = &keySum{key: more[i].key}
				}
				want[more[i].key].add(&more[i])
			}
			var err error
			if p, err = p.with(more); err != nil {
				t.Fatal(err)
			}
		}
		var rows []keySum
		for _, k := range slices.Sorted(maps.Keys(want)) {
			slices.SortFunc(want[k].rules, compareRules)
			rows = append(rows, *want[k])
		}
		got, ok := rowsOf(p)
		if diff := cmp.Diff(rows, got, cmp.AllowUnexported(keySum{})); diff != "" || !ok {
			t.Fatalf("whole: %v (-want +got):\n%s", ok, diff)
		}
	})
}

func TestSumsThatDoNotFitAreNoPack(t *testing.T) {
	most := []keySum{{key: 1, counts: [attribution.Outcomes + 1]uint64{1<<64 - 1}}}
	p, err := pack(nil).with(most)
	if err != nil {
		t.Fatal(err)
	}
	if p, err := p.with(most); err == nil {
		t.Errorf("twice the greatest number is the pack %x, want an error", p)
	}
}

// Series are counted anew where sketches are merged, and may be fewer than before.
func TestSeriesMayBecomeFewer(t *testing.T) {
	fewer := -2
	p, err := pack(nil).with([]keySum{{key: 7, counts: [attribution.Outcomes + 1]uint64{attribution.Outcomes: 10}}})
	if err == nil {
		p, err = p.with([]keySum{{key: 7, counts: [attribution.Outcomes + 1]uint64{attribution.Outcomes: uint64(fewer)}}})
	}
	if rows, ok := rowsOf(p); err != nil || !ok || len(rows) != 1 || rows[0].counts[attribution.Outcomes] != 8 {
		t.Errorf("rows %v, %v, %v; want 8 series", rows, ok, err)
	}
}

// FuzzPack reads what is no pack: an error at most.
func FuzzPack(f *testing.F) {
	whole, err := pack(nil).with([]keySum{
		{key: 3, counts: [attribution.Outcomes + 1]uint64{5, 0, 1 << 40}},
		{key: 900, rules: []attribution.RuleCount{{Rule: "drop", Dropped: 7, SeriesHours: 1}}},
	})
	if err != nil {
		f.Fatal(err)
	}
	for n := range len(whole) + 1 {
		f.Add([]byte(whole[:n]))
	}
	f.Add([]byte{packVersion, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01})
	f.Fuzz(func(t *testing.T, b []byte) {
		rows, ok := rowsOf(b)
		if len(rows) > len(b) {
			t.Fatalf("%d rows of %d bytes", len(rows), len(b))
		}
		again, err := pack(b).with(nil)
		if ok != (err == nil) {
			t.Fatalf("it is read to its end: %v, and written again: %v", ok, err)
		}
		if !ok {
			return
		}
		if got, _ := rowsOf(again); !cmp.Equal(rows, got, cmp.AllowUnexported(keySum{})) {
			t.Fatalf("rows %v, and written again %v", rows, got)
		}
	})
}
