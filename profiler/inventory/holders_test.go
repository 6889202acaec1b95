package inventory

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestHoldersCountRowsByValueAndTeam(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	v := New()
	h := NewHolders([]string{"pod", "zone"}, "b")
	want := map[Holding]int{}
	for i := range 10 {
		m := v.NewMetric()
		for _, s := range strangers(rng, fmt.Sprintf("metric_%d", i), 200) {
			m.Observe(s)
			for label, name := range h.by {
				if value := s.Labels.Get(name); value != "" && s.Verdict.Team != "b" {
					want[Holding{label, value, s.Verdict.Team}]++
				}
			}
		}
		m.CountHolders(1, h)
		m.Release() // numbers of values serve others
	}
	got := map[Holding]int{}
	h.Each(func(of Holding, rows int) {
		if got[of] > 0 {
			t.Errorf("%v comes twice", of)
		}
		got[of] = rows
	})
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("holders (-want +got):\n%s", diff)
	}
}

// Beyond a number of pairs no others are counted; those that are, still are.
func TestHoldersAreBounded(t *testing.T) {
	v := New()
	m := v.NewMetric()
	for i := range maxHolders + 1000 {
		if i%1000 == 0 {
			m.Observe(sighting(t, 1, fmt.Sprintf(`m{pod="first",id="%d"}`, i)))
		}
		m.Observe(sighting(t, 1, fmt.Sprintf(`m{pod="p-%d"}`, i)))
	}
	h := NewHolders([]string{"pod"}, "")
	m.CountHolders(1, h)
	n, first := 0, 0
	h.Each(func(of Holding, rows int) {
		n++
		if of.Value == "first" {
			first = rows
		}
	})
	if n != maxHolders || first != maxHolders/1000+1 {
		t.Errorf("%d pairs, %d rows of the first; want %d and %d", n, first, maxHolders, maxHolders/1000+1)
	}
	if l := &h.labels[0]; l.numbers.count > maxHolders {
		t.Errorf("%d pairs have numbers", l.numbers.count)
	}
}
