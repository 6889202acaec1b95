package sketch

import (
	"bytes"
	"fmt"
	"math"
	"runtime"
	"testing"

	"github.com/axiomhq/hyperloglog"
	"pgregory.net/rapid"
)

// moments is into how many moments the tests divide a part: a series is inserted
// in each part at the moment that its hash says.
const moments = 8

// insertMoment inserts those of hs whose moment it is.
func insertMoment(w *Window, part int64, moment int, hs []Hash) {
	for _, h := range hs {
		if int(h%moments) == moment {
			w.Insert(part, h)
		}
	}
}

// kinds are windows of all representations, with how many series to give them.
var kinds = []struct {
	name      string
	precision uint8
	sparse    bool
	series    int
}{
	{"listed", 14, true, 2000},
	{"listed at first", 14, true, 4000},
	{"large", 14, true, 20_000},
	{"never listed", 12, false, 20_000},
	{"never listed and small", 12, false, 50},
}

func TestConstantPopulationCountsConstant(t *testing.T) {
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			w := NewWindow(k.precision, k.sparse)
			hs := hashes(1, k.series)
			want := uint64(0)
			for part := range int64(3 * Parts) {
				for moment := range moments {
					insertMoment(w, part, moment, hs)
					got := w.Estimate(part)
					switch {
					case part == 0: // it fills
						want = got
					case got != want:
						t.Fatalf("part %d, moment %d: %d, want %d as ever", part, moment, got, want)
					}
				}
			}
		})
	}
}

func TestWhatStoppedIsGoneAfterTheWindowAndNotBefore(t *testing.T) {
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			w := NewWindow(k.precision, k.sparse)
			stopping, going := hashes(1, k.series), hashes(2, k.series/2)
			only := NewWindow(k.precision, k.sparse) // has never seen those that stop
			const last = 7                           // part in which they are seen
			all := uint64(0)
			for part := range int64(last + Parts + 3) {
				for moment := range moments {
					if part <= last {
						insertMoment(w, part, moment, stopping)
					}
					insertMoment(w, part, moment, going)
					insertMoment(only, part, moment, going)
					switch got := w.Estimate(part); {
					case part <= last:
						all = got
					case part < last+Parts && got != all:
						t.Fatalf("part %d: %d, want %d while the window lasts", part, got, all)
					case part >= last+Parts && math.Abs(float64(got)/float64(only.Estimate(part))-1) > 3*StandardError(k.precision):
						t.Fatalf("part %d: %d, want %d after the window", part, got, only.Estimate(part))
					}
				}
			}
		})
	}
}

func TestUnionDoesNotNeedInsertsToTurn(t *testing.T) {
	w := NewWindow(14, true)
	for part := range int64(3) {
		w.Insert(part, hashes(1, 3)[part])
	}
	for part, want := range map[int64]uint64{-1: 0, 0: 1, 1: 2, 2: 3, 5: 3, 6: 2, 7: 1, 8: 0, math.MaxInt64: 0, math.MinInt64: 0} {
		if got := w.Estimate(part); got != want {
			t.Errorf("part %d: %d, want %d", part, got, want)
		}
		if got := w.Union(part).Estimate(); got != want {
			t.Errorf("part %d: union counts %d, want %d", part, got, want)
		}
	}
}

func TestWindowBecomesSmallAgain(t *testing.T) {
	w := NewWindow(14, true)
	for _, h := range hashes(1, 100_000) {
		w.Insert(0, h)
	}
	large := w.Bytes()
	few := hashes(2, 100)
	for part := int64(1); part <= Parts+1; part++ {
		for _, h := range few {
			w.Insert(part, h)
		}
	}
	if n, ok := w.Exact(Parts + 1); !ok || n != len(few) {
		t.Errorf("counts %d, exact %v; want %d, true", n, ok, len(few))
	}
	if small := w.Bytes(); small > 4096 || large < 1<<14 {
		t.Errorf("took %d bytes when large, %d when small", large, small)
	}
}

// A windowModel says what a Window is to do, by remembering everything.
type windowModel struct {
	newest int64
	seen   map[int64]map[Hash]bool
}

func (m *windowModel) insert(part int64, h Hash) {
	if len(m.seen) == 0 || part > m.newest {
		m.newest = part
	}
	if part <= m.newest-Parts {
		return
	}
	if m.seen[part] == nil {
		m.seen[part] = map[Hash]bool{}
	}
	m.seen[part][h] = true
}

func (m *windowModel) merge(o *windowModel) {
	for part := o.newest - Parts + 1; part <= o.newest; part++ {
		for h := range o.seen[part] {
			m.insert(part, h)
		}
	}
}

func (m *windowModel) union(part int64) map[Hash]bool {
	u := map[Hash]bool{}
	for p := max(part, m.newest) - Parts + 1; p <= min(part, m.newest); p++ {
		for h := range m.seen[p] {
			if p > part-Parts {
				u[h] = true
			}
		}
	}
	return u
}

// check compares w with m in every part around.
func (m *windowModel) check(t *rapid.T, w *Window) {
	for part := m.newest - Parts - 1; part <= m.newest+Parts+1; part++ {
		want := m.union(part)
		u := w.Union(part)
		if n, ok := w.Exact(part); ok && n != len(want) {
			t.Fatalf("part %d: counts %d, want exactly %d", part, n, len(want))
		}
		reference, _ := hyperloglog.NewSketch(w.precision, false)
		for h := range want {
			reference.InsertHash(uint64(h))
		}
		if !bytes.Equal(registers(u, w.precision), registers(reference, w.precision)) {
			t.Fatalf("part %d: the union is not of the %d hashes seen", part, len(want))
		}
		if n, ok := w.Exact(part); ok {
			if got := w.Estimate(part); got != uint64(n) {
				t.Fatalf("part %d: estimate %d, want %d", part, got, n)
			}
		} else if got := w.Estimate(part); got != Estimate(reference) {
			t.Fatalf("part %d: estimate %d, want %d", part, got, Estimate(reference))
		}
	}
}

// registers returns the registers of s, which may be sparse and is not changed.
func registers(s *hyperloglog.Sketch, precision uint8) []byte {
	dense, _ := hyperloglog.NewSketch(precision, false)
	mustMerge(dense, s)
	b, _ := dense.MarshalBinary()
	return b
}

// TestWindowIsTheUnionOfItsParts does anything to windows that can be done, and
// compares with a model after each step.
func TestWindowIsTheUnionOfItsParts(t *testing.T) {
	pool := hashes(1, 400)
	rapid.Check(t, func(t *rapid.T) {
		const precision = 7 // lists up to 24 hashes
		type pair struct {
			w *Window
			m *windowModel
		}
		pairs := make([]pair, 2)
		for i := range pairs {
			pairs[i] = pair{NewWindow(precision, rapid.Bool().Draw(t, "sparse")), &windowModel{seen: map[int64]map[Hash]bool{}}}
		}
		part := rapid.Int64Range(-20, 20).Draw(t, "first part")
		for range rapid.IntRange(1, 25).Draw(t, "steps") {
			i := rapid.IntRange(0, 1).Draw(t, "window")
			at := pairs[i]
			switch rapid.IntRange(0, 6).Draw(t, "step") {
			case 0:
				part += int64(rapid.SampledFrom([]int{1, 1, 1, 2, 5, 6, 9}).Draw(t, "turn"))
			case 1:
				if err := at.w.Merge(pairs[1-i].w); err != nil {
					t.Fatal(err)
				}
				at.m.merge(pairs[1-i].m)
			case 2:
				c := at.w.Clone()
				for _, h := range pool {
					at.w.Insert(part+1, h) // the clone does not notice
				}
				pairs[i].w = c
			case 3:
				r, rest, err := ReadWindow(at.w.AppendBinary(nil))
				if err != nil || len(rest) > 0 {
					t.Fatalf("read: %v, %d bytes left", err, len(rest))
				}
				pairs[i].w = r
			default:
				p := part - int64(rapid.IntRange(0, Parts+1).Draw(t, "late"))
				from := rapid.IntRange(0, len(pool)-1).Draw(t, "from")
				for _, h := range pool[from:min(len(pool), from+rapid.IntRange(1, 60).Draw(t, "hashes"))] {
					at.w.Insert(p, h)
					at.m.insert(p, h)
				}
			}
		}
		for _, p := range pairs {
			p.m.check(t, p.w)
		}
	})
}

func TestMergeCountsTheUnion(t *testing.T) {
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			a, b, both := NewWindow(k.precision, k.sparse), NewWindow(k.precision, k.sparse), NewWindow(k.precision, k.sparse)
			hs := hashes(1, k.series)
			for i, h := range hs {
				part := int64(i % Parts)
				both.Insert(part, h)
				if i < k.series*2/3 {
					a.Insert(part, h)
				}
				if i > k.series/3 {
					b.Insert(part, h)
				}
			}
			of := b.Estimate(Parts)
			if err := a.Merge(b); err != nil {
				t.Fatal(err)
			}
			for part := range int64(2 * Parts) {
				if got, want := a.Estimate(part), both.Estimate(part); got != want {
					t.Errorf("part %d: %d, want %d", part, got, want)
				}
			}
			before := a.Estimate(Parts)
			if err := a.Merge(a); err != nil || a.Estimate(Parts) != before {
				t.Errorf("merged with itself: %d, %v; want %d", a.Estimate(Parts), err, before)
			}
			a.Insert(Parts, 1)
			if b.Estimate(Parts) != of {
				t.Error("merging changed what was merged")
			}
		})
	}
}

func TestMergeRefusesAnotherPrecision(t *testing.T) {
	a, b := NewWindow(12, true), NewWindow(14, true)
	b.Insert(1, 1)
	if err := a.Merge(b); err == nil || a.Estimate(1) != 0 {
		t.Errorf("merged, error %v", err)
	}
}

func TestCloneSharesNothing(t *testing.T) {
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			w := filled(k.precision, k.sparse, k.series)
			c := w.Clone()
			before := w.Estimate(Parts - 1)
			for _, h := range hashes(3, 1000) {
				c.Insert(Parts-1, h)
			}
			if w.Estimate(Parts-1) != before || c.Estimate(Parts-1) == before {
				t.Errorf("the original counts %d, was %d", w.Estimate(Parts-1), before)
			}
		})
	}
}

func TestUnionBelongsToTheCaller(t *testing.T) {
	for _, k := range kinds {
		w := filled(k.precision, k.sparse, k.series)
		before := w.Estimate(Parts - 1)
		u := w.Union(Parts - 1)
		for _, h := range hashes(3, 1000) {
			u.InsertHash(uint64(h))
		}
		if got := w.Estimate(Parts - 1); got != before {
			t.Errorf("%s: counts %d after its union was changed, %d before", k.name, got, before)
		}
	}
}

func TestBytesAreThoseOfTheHeap(t *testing.T) {
	for _, n := range []int{1, 10, 100, 1000, 3000, 5000} {
		t.Run(fmt.Sprintf("%d series", n), func(t *testing.T) {
			all := make([]*Window, 100+50_000/n)
			before := heap()
			for i := range all {
				all[i] = filled(14, true, n)
			}
			took := float64(heap()-before) / float64(len(all))
			if says := float64(all[0].Bytes()); says < 0.9*took || says > 1.1*took {
				t.Errorf("takes %.0f bytes, says %.0f", took, says)
			}
			runtime.KeepAlive(all)
		})
	}
}

// heap returns how many bytes are in use.
func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC() // what a pool holds goes with the second
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func TestInsertDoesNotAllocate(t *testing.T) {
	for _, k := range kinds {
		w := filled(k.precision, k.sparse, k.series)
		hs := hashes(1, k.series)
		i, part := 0, int64(Parts-1)
		if n := testing.AllocsPerRun(2*k.series, func() {
			if i++; i == k.series {
				i = 0
				part++
			}
			w.Insert(part, hs[i])
		}); n != 0 {
			t.Errorf("%s: Insert allocates %v times, want 0", k.name, n)
		}
	}
}
