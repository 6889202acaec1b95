package inventory

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// population is a made-up metric: the series of its families, and how many of them
// are asked for.
type population struct{ series, asked []int }

func makePopulation(r *rand.Rand, families int, size func(*rand.Rand) int, fraction float64, partly bool) population {
	var p population
	for range families {
		s, a := size(r), 0
		if r.Float64() < fraction {
			a = s
			if partly {
				a = 1 + r.IntN(s)
			}
		}
		p.series, p.asked = append(p.series, s), append(p.asked, a)
	}
	return p
}

func total(list []int) (n float64) {
	for _, x := range list {
		n += float64(x)
	}
	return n
}

// familySizes are ways in which families may differ in size. The rare one is the
// hard one: a sample often has none of the families that matter.
var familySizes = []struct {
	name string
	size func(*rand.Rand) int
}{
	{"families of one series", func(*rand.Rand) int { return 1 }},
	{"families of twelve", func(*rand.Rand) int { return 12 }},
	{"families of 1 to 50", func(r *rand.Rand) int { return 1 + r.IntN(50) }},
	{"skewed families of 1 to 50", func(r *rand.Rand) int { return min(50, int(1/math.Pow(1-r.Float64(), 0.9))) }},
	{"a family in 30 of 50, others of 1", func(r *rand.Rand) int {
		if r.IntN(30) == 0 {
			return 50
		}
		return 1
	}},
}

// draw takes a sample of p: of the families under a threshold, or where that is 0
// of the 64 smallest.
func (p *population) draw(r *rand.Rand, threshold float64, hashes []float64) (x sample, m moments) {
	for i := range hashes {
		hashes[i] = r.Float64()
	}
	if threshold == 0 {
		threshold = slices.Sorted(slices.Values(hashes))[fewest]
	}
	x = sample{family: threshold, within: 1}
	x.heaviest[ofSeries] = float64(slices.Max(p.series)) // as known from before Lower
	for i, h := range hashes {
		if h < threshold {
			s, a := float64(p.series[i]), float64(p.asked[i])
			x.x += s
			x.xx += s * s
			m.y += a
			m.yy += a * a
			m.xy += a * s
			m.single += a
		}
	}
	return x, m
}

// An interval has to hold the truth in 95 of 100 samples. Five hundred trials tell
// that to within 2 in 100 (two standard errors); the 10 000 of each kind of families
// much better.
func TestIntervalsHoldInNineteenOfTwentySamples(t *testing.T) {
	const trials = 500
	for _, known := range []bool{false, true} {
		for _, sizes := range familySizes {
			t.Run(fmt.Sprintf("%s, total known %v", sizes.name, known), func(t *testing.T) {
				r := rand.New(rand.NewPCG(1, 2))
				held, all := 0, 0
				for _, families := range []int{100, 400} {
					for _, fraction := range []float64{0.003, 0.05, 0.5, 0.97, 1} {
						for _, threshold := range []float64{0, 0.3} {
							p := makePopulation(r, families, sizes.size, fraction, families == 400)
							n := p.trials(r, threshold, known, trials)
							if got := float64(n) / trials; got < 0.94 {
								t.Errorf("%d families, %g of them asked for, threshold %g: %.3f hold", families, fraction, threshold, got)
							}
							held, all = held+n, all+trials
						}
					}
				}
				got := float64(held) / float64(all)
				t.Logf("%.3f hold", got)
				if got < 0.955 {
					t.Errorf("%.3f hold, want 0.95 and something in hand", got)
				}
			})
		}
	}
}

// trials returns in how many of n samples the interval holds the truth.
func (p *population) trials(r *rand.Rand, threshold float64, known bool, n int) (held int) {
	truth, all := total(p.asked), total(p.series)
	hashes := make([]float64, len(p.series))
	for range n {
		x, m := p.draw(r, threshold, hashes)
		if known {
			x.total = all * (1 + 0.008*r.NormFloat64())
		}
		var s sum
		s.add(&x, &m, m.y, x.heaviest[ofSeries], x.prefersTotal(&m))
		e := s.estimate()
		if math.Abs(e.Value-truth) <= e.Error+1e-6 {
			held++
		}
	}
	return held
}

// Where families are of one size, how often an interval holds can be reckoned
// instead of tried.
func TestIntervalsHoldForAnyNumberOfFamilies(t *testing.T) {
	for _, chance := range []float64{0.01, 0.05, 0.1, 0.3, 0.5, 0.7, 0.9, 0.95, 0.97, 0.985, 0.995} {
		x := sample{family: chance, within: 1}
		for families := range 300 {
			held := 0.0
			for n := range families + 1 {
				y := float64(n)
				var s sum
				s.add(&x, &moments{y, y, y, y}, y, 1, false)
				if e := s.estimate(); math.Abs(e.Value-float64(families)) <= e.Error+1e-9 {
					held += binomial(families, n, chance)
				}
			}
			if held < 0.95 {
				t.Errorf("%d families, each in the sample with %g: %.4f hold", families, chance, held)
			}
		}
	}
}

// binomial is the probability of k successes in n trials.
func binomial(n, k int, p float64) float64 {
	lgamma := func(n int) float64 {
		x, _ := math.Lgamma(float64(n + 1))
		return x
	}
	return math.Exp(lgamma(n) - lgamma(k) - lgamma(n-k) + float64(k)*math.Log(p) + float64(n-k)*math.Log1p(-p))
}

func TestIntervalsOfManyMetricsHold(t *testing.T) {
	const trials = 500
	r := rand.New(rand.NewPCG(3, 4))
	for _, fraction := range []float64{0.001, 0.01, 0.1, 0.9} {
		var metrics []population
		truth := 0.0
		for i := range 20 {
			p := makePopulation(r, 100+i*20, familySizes[i%len(familySizes)].size, fraction, false)
			metrics = append(metrics, p)
			truth += total(p.asked)
		}
		held := 0
		hashes := make([]float64, 1000)
		for range trials {
			var s sum
			for i := range metrics {
				p := &metrics[i]
				x, m := p.draw(r, []float64{0, 0.5}[i%2], hashes[:len(p.series)])
				if i%3 == 0 {
					x.total = total(p.series) * (1 + 0.008*r.NormFloat64())
				}
				s.add(&x, &m, m.y, x.heaviest[ofSeries], x.prefersTotal(&m))
			}
			e := s.estimate()
			if math.Abs(e.Value-truth) <= e.Error+1e-6 {
				held++
			}
		}
		if got := float64(held) / trials; got < 0.94 {
			t.Errorf("%g asked for, in 20 metrics: %.3f hold", fraction, got)
		}
	}
}

func TestEstimatesAreUnbiased(t *testing.T) {
	const trials = 4000
	r := rand.New(rand.NewPCG(5, 6))
	for _, threshold := range []float64{0, 0.2} {
		p := makePopulation(r, 500, familySizes[2].size, 0.4, true)
		hashes := make([]float64, len(p.series))
		sum1, sum2, variances := 0.0, 0.0, 0.0
		for range trials {
			x, m := p.draw(r, threshold, hashes)
			var s sum
			s.plain(&x, &m)
			sum1 += s.value
			sum2 += s.value * s.value
			variances += s.variance
		}
		mean, truth := sum1/trials, total(p.asked)
		variance := sum2/trials - mean*mean
		if math.Abs(mean-truth) > 4*math.Sqrt(variance/trials) {
			t.Errorf("threshold %g: estimates have the mean %.1f, want %.1f", threshold, mean, truth)
		}
		if got := variances / trials / variance; math.Abs(got-1) > 0.1 {
			t.Errorf("threshold %g: variances are estimated %.2f times as large as they are", threshold, got)
		}
	}
}

func TestEstimateByTotalIsNarrowerWhereMuchIsAskedFor(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	p := makePopulation(r, 2000, familySizes[2].size, 0.9, false)
	x, m := p.draw(r, 0.1, make([]float64, len(p.series)))
	var plain, byTotal sum
	plain.add(&x, &m, m.y, x.heaviest[ofSeries], false)
	x.total = total(p.series)
	if !x.prefersTotal(&m) {
		t.Fatal("a known total is not preferred")
	}
	byTotal.add(&x, &m, m.y, x.heaviest[ofSeries], true)
	if got, than := byTotal.estimate().Error, plain.estimate().Error; got > than/2 {
		t.Errorf("± %.0f with the total, ± %.0f without", got, than)
	}
}

func TestGammaQuantileIsTheExactPoissonLimit(t *testing.T) {
	// Upper 95 % limits of a Poisson mean (Garwood 1936) after so many events.
	for events, want := range map[int]float64{0: 2.996, 1: 4.744, 2: 6.296, 5: 10.513, 10: 16.962, 50: 63.287} {
		n := float64(events)
		if got := gammaQuantile(n+1, n+1, 1.6448536269514722); math.Abs(got-want) > 0.01*want {
			t.Errorf("%d events: %.3f, want %.3f", events, got, want)
		}
	}
}
