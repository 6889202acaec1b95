package inventory

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestDictionaryHoldsEveryValueWhileItIsUsed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := New().values
		ids := map[string]uint32{}
		uses := map[string]int{}
		value := rapid.OneOf(rapid.StringN(0, 12, 12), rapid.Custom(func(t *rapid.T) string {
			return strings.Repeat("v", rapid.IntRange(0, 3000).Draw(t, "length"))
		}))
		for range rapid.IntRange(1, 200).Draw(t, "steps") {
			v := value.Draw(t, "value")
			if rapid.Bool().Draw(t, "release") && uses[v] > 0 {
				d.release(ids[v])
				if uses[v]--; uses[v] == 0 {
					delete(ids, v)
				}
			} else {
				id := d.intern(v)
				if old, ok := ids[v]; ok && old != id {
					t.Fatalf("%q is numbered %d and %d", v, old, id)
				}
				ids[v] = id
				uses[v]++
			}
			for v, id := range ids {
				if got := d.text(id); got != v {
					t.Fatalf("value %d is %q, want %q", id, got, v)
				}
			}
			if d.count != len(ids) {
				t.Fatalf("%d values, want %d", d.count, len(ids))
			}
		}
	})
}

func TestDictionaryGivesItsMemoryBack(t *testing.T) {
	d := New().values
	const n = 50_000
	ids := make([]uint32, n)
	for i := range ids {
		ids[i] = d.intern(fmt.Sprintf("value-%d", i))
	}
	full := d.size
	if each := float64(full) / n; each > 45 {
		t.Errorf("a value of 10 bytes takes %.1f bytes, want at most 45", each)
	}
	for i, id := range ids {
		if i%1000 != 0 {
			d.release(id)
		}
	}
	if d.size > full/2 {
		t.Errorf("with one value in a thousand, %d of %d bytes remain", d.size, full)
	}
	for i := range ids {
		if i%1000 == 0 {
			if got, want := d.text(ids[i]), fmt.Sprintf("value-%d", i); got != want {
				t.Fatalf("value %d is %q, want %q", i, got, want)
			}
			d.release(ids[i])
		}
	}
	if d.count != 0 || d.size > 64<<10 {
		t.Errorf("%d values and %d bytes remain", d.count, d.size)
	}
	for i := range n { // and again, in what is free
		ids[i] = d.intern(fmt.Sprintf("value-%d", i))
	}
	if d.size > full*5/4 {
		t.Errorf("filled again it takes %d bytes, before it took %d", d.size, full)
	}
}

func TestVerdictsBeyondTheLimitLoseTheirTeam(t *testing.T) {
	var x verdicts
	for i := range maxVerdicts {
		x.intern(Verdict{Team: fmt.Sprint(i), Action: "keep"})
	}
	id := x.intern(Verdict{Team: "late", Action: "drop", Rule: "r", Priority: 1})
	if got, want := x.of(id), (Verdict{Action: "drop", Priority: 1}); got != want {
		t.Errorf("it is kept as %v, want %v", got, want)
	}
	for i := range maxVerdicts {
		x.release(uint16(i + 1))
	}
	x.release(id)
	if x.size != 0 || len(x.byVerdict) != 0 {
		t.Errorf("%d verdicts of %d bytes remain", len(x.byVerdict), x.size)
	}
}

func TestIntervalsAreExactWherePeopleChooseThem(t *testing.T) {
	for _, ms := range []uint32{0, 1, 100, 1000, 5000, 10_000, 15_000, 20_000, 30_000, 60_000, 120_000, 300_000, 600_000, 3_600_000} {
		if got := intervalOf(ms).ms(); got != ms {
			t.Errorf("%d ms is kept as %d ms", ms, got)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		ms := rapid.Uint32().Draw(t, "ms")
		got := intervalOf(ms).ms()
		if got > ms || float64(ms-got) > float64(ms)/819 {
			t.Errorf("%d ms is kept as %d ms", ms, got)
		}
	})
}
