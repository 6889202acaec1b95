package sketch

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestTopCountsFewValuesExactly(t *testing.T) {
	top := NewTop(4)
	top.Add(7, "b", 2)
	top.Add(7, "a", 1)
	top.Add(7, "b", 1)
	top.Add(7, "c", 1)
	want := []Item{{"b", 3, 0}, {"a", 1, 0}, {"c", 1, 0}}
	if diff := cmp.Diff(want, top.Items(7, 10)); diff != "" {
		t.Errorf("items (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want[:2], top.Items(7, 2)); diff != "" {
		t.Errorf("two items (-want +got):\n%s", diff)
	}
	if got := top.Items(7, -1); len(got) != 0 {
		t.Errorf("fewer than none: %v", got)
	}
}

func TestTopKeepsTwoParts(t *testing.T) {
	top := NewTop(4)
	top.Add(7, "a", 10)
	top.Add(7, "b", 5)
	top.Add(8, "b", 6)
	top.Add(8, "c", 1)
	top.Add(7, "d", 2) // late
	top.Add(6, "e", 9) // too late
	tests := []struct {
		name string
		part int64
		want []Item
	}{
		{"the greater of the part under way and the last", 8, []Item{{"a", 10, 0}, {"b", 6, 0}, {"d", 2, 0}, {"c", 1, 0}}},
		{"a reader whose part has just begun", 9, []Item{{"b", 6, 0}, {"c", 1, 0}}},
		{"a reader whose part has just ended", 7, []Item{{"a", 10, 0}, {"b", 5, 0}, {"d", 2, 0}}},
		{"nothing was seen in either part", 10, nil},
		{"long ago", 5, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, top.Items(tt.part, 10)); diff != "" {
				t.Errorf("items of part %d (-want +got):\n%s", tt.part, diff)
			}
		})
	}
	top.Add(11, "f", 1) // a part is left out
	if diff := cmp.Diff([]Item{{"f", 1, 0}}, top.Items(11, 10)); diff != "" {
		t.Errorf("items of part 11 (-want +got):\n%s", diff)
	}
}

func TestTopLetsTheSmallestGo(t *testing.T) {
	top := NewTop(2)
	top.Add(1, "a", 5)
	top.Add(1, "b", 3)
	top.Add(1, "c", 1) // may have been there 3 times before, for all that is known
	if diff := cmp.Diff([]Item{{"a", 5, 0}, {"c", 4, 3}}, top.Items(1, 10)); diff != "" {
		t.Errorf("items (-want +got):\n%s", diff)
	}
}

func TestTopCountsUpToItsLimit(t *testing.T) {
	top := NewTop(1)
	top.Add(1, "a", math.MaxUint32)
	top.Add(1, "a", 1)
	top.Add(1, "a", 0)
	if diff := cmp.Diff([]Item{{"a", math.MaxUint32, 0}}, top.Items(1, 10)); diff != "" {
		t.Errorf("items (-want +got):\n%s", diff)
	}
}

func TestTopKeepsLongValuesApart(t *testing.T) {
	top := NewTop(8)
	long := strings.Repeat("日", 100)
	top.Add(1, long+"a", 2)
	top.Add(1, long+"b", 1)
	top.Add(1, long+"a", 2)
	items := top.Items(1, 8)
	if len(items) != 2 || items[0].Count != 4 || items[1].Count != 1 {
		t.Fatalf("items %v, want two with 4 and 1", items)
	}
	for _, it := range items {
		if len(it.Value) > maxValueBytes || !utf8.ValidString(it.Value) || !strings.HasPrefix(it.Value, "日日日") || !strings.Contains(it.Value, "日...#") {
			t.Errorf("value %q of %d bytes", it.Value, len(it.Value))
		}
	}
	broken := strings.Repeat("\x80", 300) // no character begins anywhere
	top.Add(1, broken, 1)
	if items = top.Items(1, 8); len(items) != 3 {
		t.Errorf("items %v, want three", items)
	}
}

// A topModel remembers everything: which series has which value, by part.
type topModel map[int64]map[string]map[int]bool

func (m topModel) add(part int64, value string, series int) (first bool) {
	if m[part] == nil {
		m[part] = map[string]map[int]bool{}
	}
	if m[part][value] == nil {
		m[part][value] = map[int]bool{}
	}
	first = !m[part][value][series]
	m[part][value][series] = true
	return first
}

// check holds top to the bounds that Item promises, in part.
func (m topModel) check(t *rapid.T, top *Top, part int64) {
	items := top.Items(part, math.MaxInt)
	listed := map[string]bool{}
	for i, it := range items {
		listed[it.Value] = true
		n := max(len(m[part][it.Value]), len(m[part-1][it.Value]))
		if least := it.Count - it.Error; it.Error > it.Count || n < int(least) || n > int(it.Count) {
			t.Fatalf("part %d: %q has %d series, %+v", part, it.Value, n, it)
		}
		if i > 0 && (it.Count > items[i-1].Count || it.Count == items[i-1].Count && it.Value <= items[i-1].Value) {
			t.Fatalf("part %d: out of order: %+v", part, items)
		}
	}
	for _, p := range []int64{part - 1, part} {
		all := 0
		for _, series := range m[p] {
			all += len(series)
		}
		for value, series := range m[p] {
			if !listed[value] && len(series)*top.size > all {
				t.Fatalf("part %d: %q is not listed, with %d of %d series", p, value, len(series), all)
			}
		}
	}
}

func TestTopHoldsItsBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		top, m := NewTop(rapid.IntRange(1, 12).Draw(t, "size")), topModel{}
		part := rapid.Int64Range(-3, 3).Draw(t, "first part")
		for series := range rapid.IntRange(1, 400).Draw(t, "series") {
			if rapid.IntRange(0, 60).Draw(t, "turn") == 0 {
				part += int64(rapid.IntRange(1, 3).Draw(t, "parts"))
			}
			// Few values are frequent and most are not.
			value := strconv.Itoa(rapid.IntRange(0, 1<<rapid.IntRange(0, 6).Draw(t, "spread")).Draw(t, "value"))
			m.add(part, value, series)
			top.Add(part, value, 1)
		}
		r, rest, err := ReadTop(top.AppendBinary(nil))
		if err != nil || len(rest) > 0 {
			t.Fatalf("read: %v, %d bytes left", err, len(rest))
		}
		for p := part - 2; p <= part+2; p++ {
			if p >= part {
				m.check(t, top, p)
			}
			if diff := cmp.Diff(top.Items(p, 100), r.Items(p, 100)); diff != "" {
				t.Fatalf("read, part %d (-written +read):\n%s", p, diff)
			}
		}
	})
}

// TestMergedTopsHoldTheirBounds lets two processes see series, some of them both,
// and one go on after it has been told of the other.
func TestMergedTopsHoldTheirBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tops := [2]*Top{NewTop(rapid.IntRange(1, 12).Draw(t, "size")), NewTop(rapid.IntRange(1, 12).Draw(t, "other size"))}
		known, all := [2]topModel{{}, {}}, topModel{}
		see := func(at int, part int64) {
			for range rapid.IntRange(0, 150).Draw(t, "series") {
				series := rapid.IntRange(0, 60).Draw(t, "one series")
				value := strconv.Itoa(series % (1 << (series % 7)))
				all.add(part, value, series)
				if known[at].add(part, value, series) {
					tops[at].Add(part, value, 1)
				}
			}
		}
		part := int64(4)
		for at := range tops {
			see(at, part-1)
			see(at, part)
		}
		if rapid.Bool().Draw(t, "the other is a part behind") {
			part++
			see(0, part)
		}
		before := tops[1].Items(part-1, 100)
		tops[0].Merge(tops[1])
		if diff := cmp.Diff(before, tops[1].Items(part-1, 100)); diff != "" {
			t.Fatalf("merging changed what was merged (-before +after):\n%s", diff)
		}
		check := func() {
			for _, it := range tops[0].Items(part, 100) {
				n := max(len(all[part][it.Value]), len(all[part-1][it.Value]))
				if n < int(it.Count-it.Error) || n > int(it.Count) {
					t.Fatalf("%q has %d series, %+v", it.Value, n, it)
				}
			}
		}
		check()
		see(0, part)
		check()
		part++
		see(0, part)
		check()
	})
}

func TestMergingIntoAnEmptyTopCopies(t *testing.T) {
	top := NewTop(4)
	for i := range 100 {
		top.Add(1+int64(i/60), strconv.Itoa(i%7), 1)
	}
	merged := NewTop(4)
	merged.Merge(top)
	merged.Merge(NewTop(4))
	merged.Merge(merged)
	for part := range int64(4) {
		if diff := cmp.Diff(top.Items(part, 10), merged.Items(part, 10)); diff != "" {
			t.Errorf("part %d (-want +got):\n%s", part, diff)
		}
	}
}

func TestTopBytesAreThoseOfTheHeap(t *testing.T) {
	for _, values := range []int{1, 10, 64, 1000} {
		t.Run(fmt.Sprintf("%d values", values), func(t *testing.T) {
			all := make([]*Top, 100+2000/values)
			before := heap()
			for i := range all {
				all[i] = NewTop(64)
				for v := range 2 * values {
					all[i].Add(int64(v/values), "10.12.7.33:"+strconv.Itoa(8000+v%values), 1)
				}
			}
			took := float64(heap()-before) / float64(len(all))
			if says := float64(all[0].Bytes()); says < 0.9*took || says > 1.1*took {
				t.Errorf("takes %.0f bytes, says %.0f", took, says)
			}
			if top := all[0]; values > 64 && top.Bytes() > 16<<10 {
				t.Errorf("takes %d bytes", top.Bytes())
			}
		})
	}
}

func TestAddDoesNotAllocate(t *testing.T) {
	top := NewTop(64)
	values := make([]string, 1000)
	for i := range values {
		values[i] = "10.12.7.33:" + strconv.Itoa(8000+i)
	}
	i := 0
	add := func() {
		i++
		top.Add(int64(i/5000), values[i%len(values)], 1)
	}
	for range 20_000 {
		add()
	}
	if n := testing.AllocsPerRun(20_000, add); n != 0 {
		t.Errorf("Add allocates %v times, want 0", n)
	}
}
