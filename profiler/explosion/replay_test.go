package explosion

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

const (
	runs = 20 // of each scenario

	leastPrecision = 0.95
	leastRecall    = 0.95
)

// start is the minute at which runs begin: any, since parts do not begin with them.
const start = 29_500_003

// score is how a scenario went.
type score struct {
	found, missed, alarmed int // explosions noticed, and not; alarms without one
	wrong                  int // noticed as the other kind
	delays                 []int
}

func (s *score) add(o score) {
	s.found += o.found
	s.missed += o.missed
	s.alarmed += o.alarmed
	s.wrong += o.wrong
	s.delays = append(s.delays, o.delays...)
}

func ratio(a, b int) float64 {
	if a+b == 0 {
		return 1
	}
	return float64(a) / float64(a+b)
}

func (s *score) delay(quantile float64) int {
	if len(s.delays) == 0 {
		return 0
	}
	slices.Sort(s.delays)
	return s.delays[int(quantile*float64(len(s.delays)-1))]
}

func (s *score) row(name string) string {
	word := func(x float64, n int) string {
		if n == 0 {
			return "-"
		}
		return fmt.Sprintf("%.3f", x)
	}
	return fmt.Sprintf("%-32s %5d %6d %6d %9s %9s %7d %5d %5d", name, s.found, s.missed, s.alarmed,
		word(ratio(s.found, s.alarmed), s.found+s.alarmed), word(ratio(s.found, s.missed), s.found+s.missed),
		s.delay(0.5), s.delay(0.95), s.delay(1))
}

// randomness of one run, from nothing but its name and number.
func randomness(name string, run int) *rand.Rand {
	h := fnv.New64a()
	h.Write([]byte(name))
	return rand.New(rand.NewPCG(h.Sum64(), uint64(run)))
}

// replay tells one run of sc to a detector, and calls see with what it says.
func replay(sc scenario, run int, see func(m int, r Reading, e *Explosion)) play {
	w := newWorld(randomness(sc.name, run), start)
	p := sc.tell(w)
	var d Detector
	for m := range p.minutes {
		w.at(start + int64(m))
		p.each(m)
		r := w.reading()
		if e, ok := d.Read(r); ok {
			see(m, r, &e)
		} else {
			see(m, r, nil)
		}
	}
	return p
}

// judge scores one run: the first alarm between onset and until finds the
// explosion, all others that say that something began are false.
func judge(sc scenario, run int) (s score, alarms []string) {
	type alarm struct {
		m int
		e Explosion
	}
	var began []alarm
	p := replay(sc, run, func(m int, _ Reading, e *Explosion) {
		if e != nil && e.State == Began {
			began = append(began, alarm{m, *e})
		}
	})
	for _, a := range began {
		switch {
		case p.onset > 0 && a.m >= p.onset && s.found == 0 && a.m <= p.until:
			s.found++
			s.delays = append(s.delays, a.m-p.onset)
			if a.e.Kind != sc.kind {
				s.wrong++
			}
		case p.onset > 0 && a.m >= p.onset: // later alarms of what goes on
		default:
			s.alarmed++
			alarms = append(alarms, fmt.Sprintf("run %d, minute %d: %s %v", run, a.m, a.e.Kind, a.e))
		}
	}
	if p.onset > 0 && s.found == 0 {
		s.missed++
		alarms = append(alarms, fmt.Sprintf("run %d: the explosion of minute %d was missed", run, p.onset))
	}
	return s, alarms
}

func TestExplosionsAreNoticedAndNothingElseIs(t *testing.T) {
	var all score
	var table strings.Builder
	fmt.Fprintf(&table, "%-32s %5s %6s %6s %9s %9s %7s %5s %5s\n", fmt.Sprintf("%d runs each", runs),
		"found", "missed", "alarms", "precision", "recall", "median", "95 %", "most")
	for _, sc := range scenarios {
		var one score
		for run := range runs {
			s, alarms := judge(sc, run)
			one.add(s)
			for _, a := range alarms {
				t.Logf("%s: %s", sc.name, a)
			}
		}
		fmt.Fprintln(&table, one.row(sc.name))
		if r := ratio(one.found, one.missed); r < leastRecall {
			t.Errorf("%s: recall %.3f, want %v at least", sc.name, r, leastRecall)
		}
		if share := float64(one.alarmed) / runs; share > max(1-leastPrecision, sc.alarms) {
			t.Errorf("%s: %.3f false alarms a run, want %.2f at most", sc.name, share, max(1-leastPrecision, sc.alarms))
		}
		if 20*one.wrong > runs {
			t.Errorf("%s: %d of %d were called by the wrong kind", sc.name, one.wrong, one.found)
		}
		all.add(one)
	}
	fmt.Fprintln(&table, all.row("all"))
	t.Logf("delays in minutes\n%s", &table)
	if p := ratio(all.found, all.alarmed); p < leastPrecision {
		t.Errorf("precision %.3f, want %v at least", p, leastPrecision)
	}
	if r := ratio(all.found, all.missed); r < leastRecall {
		t.Errorf("recall %.3f, want %v at least", r, leastRecall)
	}
}
