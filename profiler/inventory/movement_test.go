package inventory

import (
	"math"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/headgate/headgate/profiler/sketch"
)

// valued is a sighting of the first of manySeries with a value.
func valued(part int64, v float64) *Seen {
	s := seen(part, manySeries(0, 1)[0])
	s.Value, s.Valued = math.Float64bits(v), true
	return s
}

func TestMovement(t *testing.T) {
	const parts = 13 // and so 12 looks
	tests := []struct {
		name  string
		value func(part int64) float64
		want  Movement
	}{
		{"a constant does not move", func(int64) float64 { return 7 }, Movement{Rows: 1, Known: 1, Looks: 12, Most: 12}},
		{"nor does one that is not a number", func(int64) float64 { return math.NaN() }, Movement{Rows: 1, Known: 1, Looks: 12, Most: 12}},
		{"a counter moves at every look", func(p int64) float64 { return float64(p) }, Movement{Rows: 1, Known: 1, Looks: 12, Moves: 12, Busy: 1, Most: 12}},
		{"what changes once an hour moves at every sixth", func(p int64) float64 { return float64(p / sketch.Parts) }, Movement{Rows: 1, Known: 1, Looks: 12, Moves: 2, Most: 12}},
		{"to and fro moves both times", func(p int64) float64 { return float64(p / 5 % 2) }, Movement{Rows: 1, Known: 1, Looks: 12, Moves: 2, Most: 12}},
		{"zeros of either sign are not the same bits", func(p int64) float64 { return math.Copysign(0, float64(p-6)) }, Movement{Rows: 1, Known: 1, Looks: 12, Moves: 1, Most: 12}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := New().NewMetric()
			for part := range int64(parts) {
				for range 3 { // a gateway that forgot the series shows it again
					m.Observe(valued(part, tt.value(part)))
				}
			}
			if diff := cmp.Diff(tt.want, m.Movement(parts-1)); diff != "" {
				t.Errorf("movement (-want +got):\n%s", diff)
			}
		})
	}
}

// Whatever series do, a metric's movement is what its series' latest looks found, one
// at most in each part.
func TestMovementIsThatOfEachSeries(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := New().NewMetric()
		list := manySeries(0, 4)
		found := make([][]bool, len(list))
		last := make([]uint64, len(list))
		parts := rapid.Int64Range(1, 60).Draw(t, "parts")
		for part := range parts {
			for i, ls := range list {
				s := seen(part, ls)
				s.Value, s.Valued = rapid.Uint64Range(1, uint64(i+1)).Draw(t, "value"), part == 0 || rapid.IntRange(0, 5).Draw(t, "valued") > 0
				if m.Observe(s); s.Valued {
					if last[i] != 0 {
						found[i] = append(found[i], last[i] != s.Value)
					}
					last[i] = s.Value
				}
			}
		}
		want := Movement{Rows: len(list)}
		for _, f := range found {
			f = f[max(0, len(f)-maxLooks):]
			if len(f) < sketch.Parts {
				continue
			}
			moves := 0
			for _, moved := range f {
				if moved {
					moves++
				}
			}
			want.Known, want.Looks, want.Moves, want.Most = want.Known+1, want.Looks+len(f), want.Moves+moves, max(want.Most, len(f))
			if 2*moves > len(f) {
				want.Busy++
			}
		}
		if diff := cmp.Diff(want, m.Movement(parts-1)); diff != "" {
			t.Fatalf("movement (-want +got):\n%s", diff)
		}
	})
}

// Sightings without a value, such as of a stale marker, are no looks, and the value
// before stays the one to compare with; those in the past are none either.
func TestSightingsThatAreNoLooks(t *testing.T) {
	m := New().NewMetric()
	m.Observe(seen(0, manySeries(0, 1)[0]))
	for part := int64(1); part <= 2*sketch.Parts+1; part++ {
		if part%2 == 1 {
			m.Observe(valued(part, 7))
			m.Observe(valued(part-1, 8))
		} else {
			m.Observe(seen(part, manySeries(0, 1)[0]))
		}
	}
	want := Movement{Rows: 1, Known: 1, Looks: sketch.Parts, Most: sketch.Parts}
	if diff := cmp.Diff(want, m.Movement(2*sketch.Parts+1)); diff != "" {
		t.Errorf("movement (-want +got):\n%s", diff)
	}
}

// A series that is looked at for less than a window is not known; one that left the
// window counts no more.
func TestMovementIsOfWholeWindows(t *testing.T) {
	m := New().NewMetric()
	for part := range int64(sketch.Parts) {
		m.Observe(valued(part, 1))
	}
	if got := m.Movement(sketch.Parts - 1); got != (Movement{Rows: 1}) || got.Share() != 0 {
		t.Errorf("after %d sightings: %+v", sketch.Parts, got)
	}
	if got := m.Movement(3 * sketch.Parts); got != (Movement{}) {
		t.Errorf("out of the window: %+v", got)
	}
}

// Looks are those of a list that forgets its oldest.
func TestLooksAreTheLatest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l, list := looks(1), []bool{}
		for _, moved := range rapid.SliceOfN(rapid.Bool(), 0, 3*maxLooks).Draw(t, "looks") {
			l = l.note(moved)
			list = append(list, moved)
			list = list[max(0, len(list)-maxLooks):]
			moves := 0
			for _, m := range list {
				if m {
					moves++
				}
			}
			if l.count() != len(list) || l.moves() != moves {
				t.Fatalf("%d of %d looks moved, want %d of %d", l.moves(), l.count(), moves, len(list))
			}
		}
	})
}

// Looks of two processes are those of the one that has more of them, in whichever
// order and however often they are merged. The later value is the one to go on from.
func TestMergedLooks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var both [2]*Metric
		for i := range both {
			both[i] = New().NewMetric()
			value := 0.0
			for part := rapid.Int64Range(0, 3).Draw(t, "from"); part < 10; part++ {
				if rapid.IntRange(0, 3).Draw(t, "sighted") > 0 {
					value += float64(rapid.IntRange(0, 1).Draw(t, "moved"))
					both[i].Observe(valued(part, value))
				}
			}
		}
		merged := func(order ...int) *row {
			m := New().NewMetric()
			for _, i := range order {
				m.Merge(both[i])
			}
			r, _ := m.last()
			return r
		}
		one, other := merged(0, 1), merged(1, 0, 1, 0)
		if one == nil || other == nil {
			return // neither was seen
		}
		if one.looks.count() != other.looks.count() || one.looks.moves() != other.looks.moves() {
			t.Fatalf("%b merged one way, %b the other", one.looks, other.looks)
		}
		most := 0
		for _, m := range both {
			if r, _ := m.last(); r != nil {
				most = max(most, r.looks.count())
			}
		}
		if one.looks.count() != most {
			t.Fatalf("%d looks, want the %d of the one that has more", one.looks.count(), most)
		}
	})
	early, late := New().NewMetric(), New().NewMetric()
	for part := range int64(4) {
		early.Observe(valued(part, 1))
	}
	late.Observe(valued(4, 2))
	early.Merge(late)
	early.Observe(valued(5, 2))
	if r, _ := early.last(); r.looks.count() != 4 || r.looks.moves() != 0 {
		t.Errorf("%d of %d looks moved, want none of 4: the value is the later one", r.looks.moves(), r.looks.count())
	}
}

// Rows of version 1, which had no looks, are read; they have none then.
func TestRowsWithoutLooksAreRead(t *testing.T) {
	m := New().NewMetric()
	m.Observe(seen(1, manySeries(0, 1)[0]))
	b := m.AppendBinary(nil)
	b = b[:len(b)-1] // its looks, of which it has none
	got, rest, err := ReadMetric(slices.Concat(b, []byte("after")), 1)
	if err != nil || string(rest) != "after" {
		t.Fatalf("ReadMetric leaves %q and fails with %v", rest, err)
	}
	if diff := cmp.Diff(rowsOf(m, 1), rowsOf(got, 1)); diff != "" {
		t.Errorf("rows (-written +read):\n%s", diff)
	}
	for part := int64(2); part < 10; part++ {
		got.Observe(valued(part, 1))
	}
	if all := got.Movement(9); all.Known != 1 || all.Looks != 7 || all.Moves != 0 {
		t.Errorf("later it is %+v, want seven looks from the first value on", all)
	}
}
