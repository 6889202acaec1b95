package sketch

import (
	"math"
	"testing"

	"github.com/axiomhq/hyperloglog"
)

// TestAccuracy holds what is promised of sketches of precision 14: over 10 000
// series 99 % of estimates within 2.2 %, from 100 to 10 000 an RMS error within
// 1.6 %, below 100 none. Of a window that is never listed, errors below 100 are
// within one series RMS.
func TestAccuracy(t *testing.T) {
	const trials, long = 250, 20 // so many go beyond 200 000 series
	populations := []int{10, 30, 99, 100, 300, 1000, 3000, 5000, 10_000, 15_000, 40_000, 100_000, 200_000, 500_000, 1_000_000}
	for _, sparse := range []bool{true, false} {
		if !sparse {
			populations = populations[:9] // they are the same from there on
		}
		count := make([]float64, len(populations)) // of estimates
		sum := make([]float64, len(populations))   // of the squares of relative errors
		worst := make([]float64, len(populations))
		large, outside := 0, 0
		series := uint64(0)
		for trial := range trials {
			w := NewWindow(14, sparse)
			inserted := 0
			for k, n := range populations {
				if n > 200_000 && trial >= long {
					break
				}
				for ; inserted < n; inserted++ {
					series++
					w.Insert(1, Final(series))
				}
				e := math.Abs(float64(w.Estimate(1))/float64(n) - 1)
				count[k]++
				sum[k] += e * e
				worst[k] = max(worst[k], e)
				if n > 10_000 {
					large++
					if e > 0.022 {
						outside++
					}
				}
			}
		}
		for k, n := range populations {
			rms := math.Sqrt(sum[k] / count[k])
			t.Logf("listed %-5v  %9d series: RMS error %.2f %%, worst of %.0f %.2f %%", sparse, n, 100*rms, count[k], 100*worst[k])
			switch {
			case n < 100 && sparse && worst[k] > 0:
				t.Errorf("%d series: error %g, want none", n, worst[k])
			case n < 100 && rms*float64(n) > 1:
				t.Errorf("%d series: RMS error %.2f series, want at most 1", n, rms*float64(n))
			case n >= 100 && rms > 0.016:
				t.Errorf("%d series: RMS error %.4f, want at most 0.016", n, rms)
			}
		}
		if sparse && large < 1000 {
			t.Errorf("only %d estimates over 10 000 series", large)
		}
		if float64(outside) > 0.01*float64(large) {
			t.Errorf("%d of %d estimates over 10 000 series are more than 2.2 %% off, want at most 1 %%", outside, large)
		}
		t.Logf("listed %-5v  %d of %d estimates over 10 000 series more than 2.2 %% off", sparse, outside, large)
	}
}

func TestStandardErrorIsThatOfTrials(t *testing.T) {
	for _, tt := range []struct {
		precision uint8
		trials    int
	}{{10, 300}, {11, 200}, {12, 150}, {14, 50}} {
		n := 12 << tt.precision
		sum, series := 0.0, uint64(0)
		for range tt.trials {
			s, _ := hyperloglog.NewSketch(tt.precision, false)
			for range n {
				series++
				s.InsertHash(uint64(Final(series)))
			}
			e := float64(Estimate(s))/float64(n) - 1
			sum += e * e
		}
		rms, want := math.Sqrt(sum/float64(tt.trials)), StandardError(tt.precision)
		t.Logf("precision %d: RMS error %.2f %% of %d trials, 1.04/√m is %.2f %%", tt.precision, 100*rms, tt.trials, 100*want)
		if math.Abs(rms/want-1) > 0.25 {
			t.Errorf("precision %d: RMS error %.4f, want about %.4f", tt.precision, rms, want)
		}
	}
}

func TestEstimateAgreesWithTheSketch(t *testing.T) {
	for _, precision := range []uint8{4, 10, 14, 18} {
		s, _ := hyperloglog.NewSketch(precision, false)
		if got := Estimate(s); got != 0 {
			t.Errorf("precision %d: nothing counts %d", precision, got)
		}
		next := 1
		for i, h := range hashes(int(precision), 300_000) {
			s.InsertHash(uint64(h))
			if i+1 < next {
				continue
			}
			next *= 2
			got, want := float64(Estimate(s)), float64(s.Estimate())
			if math.Abs(got-want) > 1+want*StandardError(precision)/2 {
				t.Errorf("precision %d: %.0f of %d, the sketch says %.0f", precision, got, i+1, want)
			}
		}
	}
	sparse, _ := hyperloglog.NewSketch(14, true)
	sparse.InsertHash(uint64(Value("a")))
	if got := Estimate(sparse); got != 1 {
		t.Errorf("a sparse sketch counts %d, want 1", got)
	}
	if got := Estimate(new(hyperloglog.Sketch)); got != 0 {
		t.Errorf("the zero sketch counts %d, want 0", got)
	}
}

func TestEstimateOfFullRegistersEnds(t *testing.T) {
	s, _ := hyperloglog.NewSketch(4, false)
	for i := range uint64(16) {
		s.InsertHash(i << 60) // nothing but zeros follows
	}
	if got := Estimate(s); got < 1<<60 {
		t.Errorf("full registers count %d", got)
	}
}
