package limiter

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

func TestShare(t *testing.T) {
	type demand = [levels]float64 // critical, high, default, low
	tests := []struct {
		name   string
		rate   float64
		shares []float64
		demand []demand
		want   []demand
	}{
		{"what fits is granted", 100, []float64{1}, []demand{{10, 20, 30, 40}}, []demand{{10, 20, 30, 40}}},
		{"a pool is filled from critical down", 100, []float64{1}, []demand{{50, 40, 30, 20}}, []demand{{50, 40, 10, 0}}},
		{"shares are guaranteed against what is more important elsewhere", 100, []float64{0.5, 0.5},
			[]demand{{200, 0, 0, 0}, {0, 0, 0, 200}}, []demand{{50, 0, 0, 0}, {0, 0, 0, 50}}},
		{"what is not used is lent by priority", 100, []float64{0.4, 0.4, 0.2},
			[]demand{{0, 0, 0, 90}, {0, 0, 60, 0}, {0, 0, 0, 10}}, []demand{{0, 0, 0, 40}, {0, 0, 50, 0}, {0, 0, 0, 10}}},
		{"the next priority is lent what the first leaves", 100, []float64{0.4, 0.4, 0.2},
			[]demand{{0, 0, 0, 90}, {0, 0, 45, 0}, {0, 0, 0, 0}}, []demand{{0, 0, 0, 55}, {0, 0, 45, 0}, {0, 0, 0, 0}}},
		{"equals are lent to in proportion to their shares", 100, []float64{0.5, 0.2, 0.1, 0.2},
			[]demand{{0, 0, 0, 20}, {0, 0, 0, 90}, {0, 0, 0, 90}, {}}, []demand{{0, 0, 0, 20}, {0, 0, 0, 20 + 100./3}, {0, 0, 0, 10 + 50./3}, {}}},
		{"who needs less than its part leaves the rest to the others", 100, []float64{0.5, 0.2, 0.1, 0.2},
			[]demand{{0, 0, 0, 20}, {0, 0, 0, 25}, {0, 0, 0, 90}, {}}, []demand{{0, 0, 0, 20}, {0, 0, 0, 25}, {0, 0, 0, 55}, {}}},
		{"a pool without a share lives on what nobody else wants", 100, []float64{0, 1},
			[]demand{{0, 0, 50, 0}, {0, 0, 70, 0}}, []demand{{0, 0, 30, 0}, {0, 0, 70, 0}}},
		{"but comes before what is less important", 100, []float64{0, 0.5, 0.5},
			[]demand{{0, 0, 90, 0}, {0, 0, 0, 90}, {}}, []demand{{0, 0, 50, 0}, {0, 0, 0, 50}, {}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := make([]demand, len(tt.demand))
			share(tt.rate, tt.shares, tt.demand, got)
			if diff := cmp.Diff(tt.want, got, cmpopts.EquateApprox(0, 1e-9)); diff != "" {
				t.Errorf("grants (-want +got):\n%s", diff)
			}
		})
	}
}

// A sharing is one question to share, drawn at random.
type sharing struct {
	rate   float64
	shares []float64
	demand [][levels]float64
}

func drawSharing(t *rapid.T) sharing {
	n := rapid.IntRange(1, 6).Draw(t, "pools")
	s := sharing{rate: rapid.Float64Range(0, 1e6).Draw(t, "rate"), shares: make([]float64, n), demand: make([][levels]float64, n)}
	left := 1.0
	for p := n - 1; p > 0; p-- {
		s.shares[p] = left * rapid.Float64Range(0.01, 1).Draw(t, "share")
		left -= s.shares[p]
	}
	s.shares[0] = left
	amount := rapid.OneOf(rapid.Just(0.0), rapid.Float64Range(0, 10), rapid.Float64Range(0, 1e6))
	for p := range s.demand {
		for l := range levels {
			s.demand[p][l] = amount.Draw(t, "demand")
		}
	}
	return s
}

func (s *sharing) grants() [][levels]float64 {
	g := make([][levels]float64, len(s.demand))
	share(s.rate, s.shares, s.demand, g)
	return g
}

// near is how exact sums of shares are.
func near(x float64) float64 { return 1e-9 * (1 + math.Abs(x)) }

func sum(d [levels]float64) float64 { return d[0] + d[1] + d[2] + d[3] }

func TestShareProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawSharing(t)
		grants := s.grants()
		granted, demanded := 0.0, 0.0
		lacking := [levels]bool{} // some pool lacks something at this level or a more important one
		for p := range grants {
			pool, wants := sum(grants[p]), sum(s.demand[p])
			granted, demanded = granted+pool, demanded+wants
			if least := min(wants, s.shares[p]*s.rate); pool < least-near(s.rate) {
				t.Errorf("pool %d gets %v, less than its guaranteed %v", p, pool, least)
			}
			lacks := false
			for l, g := range grants[p] {
				if g < 0 || g > s.demand[p][l] {
					t.Errorf("pool %d level %d gets %v of %v", p, l, g, s.demand[p][l])
				}
				if lacks && g > near(s.rate) {
					t.Errorf("pool %d level %d gets %v while a more important one lacks something", p, l, g)
				}
				if g < s.demand[p][l]-near(s.rate) {
					lacks = true
				}
				lacking[l] = lacking[l] || lacks
			}
		}
		if want := min(s.rate, demanded); math.Abs(granted-want) > near(want)*10 {
			t.Errorf("%v of %v is granted, and %v demanded", granted, s.rate, demanded)
		}
		for p := range grants {
			guaranteed := s.shares[p] * s.rate
			for l, g := range grants[p] {
				lent := min(g, max(0, g-guaranteed))
				guaranteed = max(0, guaranteed-g)
				if l > 0 && lacking[l-1] && lent > near(s.rate) {
					t.Errorf("pool %d level %d is lent %v while a more important one lacks something", p, l, lent)
				}
			}
		}
	})
}

func TestMoreRateTakesFromNobody(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawSharing(t)
		before := s.grants()
		s.rate *= rapid.Float64Range(1, 4).Draw(t, "factor")
		after := s.grants()
		for p := range before {
			for l := range levels {
				if after[p][l] < before[p][l]-near(s.rate) {
					t.Errorf("pool %d level %d gets %v, and got %v of less", p, l, after[p][l], before[p][l])
				}
			}
		}
	})
}
