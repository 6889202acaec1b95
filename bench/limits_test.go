package bench

import "testing"

func TestHalfIsAboutHalf(t *testing.T) {
	p, d := newPopulation(20_000, 0, 1), newDropper([]Drop{half})
	n := 0
	for i := range p.series {
		if d.drops(&p.series[i]) {
			n++
		}
	}
	if share := float64(n) / float64(len(p.series)); share < 0.42 || share > 0.58 {
		t.Errorf("%.2f of the series match, want about half", share)
	}
}
