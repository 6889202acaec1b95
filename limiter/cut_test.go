package limiter

import (
	"math"
	"testing"

	"pgregory.net/rapid"

	"github.com/headgate/headgate/internal/series"
)

func TestCutOrder(t *testing.T) {
	half := cut{2, 1 << 63}
	for _, tt := range []struct {
		name  string
		cut   cut
		level int
		place uint64
		want  bool
	}{
		{"critical passes every cut", nothing, 0, math.MaxUint64, true},
		{"high does not pass the lowest", nothing, 1, 0, false},
		{"what is more important passes", half, 1, math.MaxUint64, true},
		{"under the threshold passes", half, 2, 1<<63 - 1, true},
		{"at the threshold does not", half, 2, 1 << 63, false},
		{"what is less important does not", half, 3, 0, false},
		{"the highest lets everything pass", everything, 3, math.MaxUint64, true},
	} {
		if got := tt.cut.passes(tt.level, tt.place); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestLevelsAreThePriorities(t *testing.T) {
	for p := series.Low; p <= series.Critical; p++ {
		if got := priorityOf(levelOf(p)); got != p {
			t.Errorf("%v is level %d, which is %v", p, levelOf(p), got)
		}
	}
	if levelOf(100) != 0 || levelOf(-100) != levels-1 {
		t.Error("a priority that is none has a level outside of them")
	}
}

// Whoever samples families by small hashes must not hold only those that pass.
func TestPlaceHasNothingToDoWithTheHashItself(t *testing.T) {
	const n = 10_000
	passes := 0
	for i := range uint64(n) {
		if place(i<<40) < 1<<63 {
			passes++
		}
	}
	if math.Abs(float64(passes)-n/2) > 4*math.Sqrt(n)/2 {
		t.Errorf("of the %d smallest hashes %d are in the lower half, want half of them", n, passes)
	}
}

func drawView(t *rapid.T) view {
	amount := rapid.OneOf(rapid.Just(0.0), rapid.Float64Range(0.01, 1e6))
	v := view{grant: amount.Draw(t, "grant"), slack: slack}
	for l := range levels {
		v.demand[l] = amount.Draw(t, "demand")
	}
	v.cut = drawCut(t)
	if at := v.cut.fraction(v.cut.level); at > 0 && v.cut.level < levels {
		v.spread = spread{at, rapid.Float64Range(0, 1).Draw(t, "passed")}
	}
	return v
}

func drawCut(t *rapid.T) cut {
	level := rapid.IntRange(1, levels).Draw(t, "level")
	if level == levels {
		return everything
	}
	return cut{level, rapid.Uint64().Draw(t, "under")}
}

func TestCutMoves(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := drawView(t)
		most := v.grant*(1+1e-9) + 1e-3
		if got := v.passes(v.fit()); got > most {
			t.Errorf("what fits passes %v of a grant of %v", got, v.grant)
		}
		tight := v.tighten()
		if v.cut.less(tight) {
			t.Errorf("tightened from %v to %v", v.cut, tight)
		}
		if got := v.passes(tight); got > v.grant*(1+slack)+1e-3 {
			t.Errorf("tightened to %v, which passes %v of a grant of %v", tight, got, v.grant)
		}
		loose := v.loosen()
		if loose.less(v.cut) {
			t.Errorf("loosened from %v to %v", v.cut, loose)
		}
		if got := v.passes(loose); loose != v.cut && got > max(most, v.passes(v.cut)) {
			t.Errorf("loosened from %v to %v, which passes %v of a grant of %v", v.cut, loose, got, v.grant)
		}
		gained := 0.0
		for l := 1; l < levels; l++ {
			if v.demand[l] > 0 {
				gained += loose.fraction(l) - v.cut.fraction(l)
			}
		}
		if gained > 1./16+1e-9 {
			t.Errorf("loosened from %v to %v, by %v of the families at once", v.cut, loose, gained)
		}
	})
}

func TestHigherCutsShedNobody(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := drawCut(t), drawCut(t)
		if b.less(a) {
			a, b = b, a
		}
		level, place := rapid.IntRange(0, levels-1).Draw(t, "of"), rapid.Uint64().Draw(t, "place")
		if a.passes(level, place) && !b.passes(level, place) {
			t.Errorf("passes %v and not %v", a, b)
		}
	})
}

func TestMoreGrantFitsMore(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := drawView(t)
		before := v.fit()
		v.grant *= rapid.Float64Range(1, 4).Draw(t, "factor")
		if after := v.fit(); after.less(before) {
			t.Errorf("with more to grant %v fits, before it was %v", after, before)
		}
	})
}

func TestSpreadsAreInverted(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := spread{rapid.Float64Range(0.01, 0.99).Draw(t, "at"), rapid.Float64Range(0.01, 0.99).Draw(t, "passed")}
		y := rapid.Float64Range(0, 1).Draw(t, "y")
		if got := s.upTo(s.threshold(y)); math.Abs(got-y) > 1e-9 {
			t.Errorf("under the threshold of %v lies %v", y, got)
		}
	})
}
