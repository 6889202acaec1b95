package prom

import (
	"fmt"
	"testing"
)

// flipRule drops, or not, two kinds of series.
func flipRule(action string) string {
	return fmt.Sprintf("  - name: e2e-flip\n    match: '{__name__=~\"%s|%s\"}'\n    action: %s\n",
		droppedGauge, thinnedHist, action)
}

func TestARuleFlipsUnderLoad(t *testing.T) {
	t.Parallel()
	for _, v := range versions {
		for _, faulty := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/faulty=%t", v.name, faulty), func(t *testing.T) {
				eachRun(t, func(t *testing.T, seed uint64) { flip(t, v.version, seed, faulty) })
			})
		}
	}
}

// flip turns a drop rule on and off while samples flow, and leaves it on.
func flip(t *testing.T, version int, seed uint64, faulty bool) {
	probability := 0.0
	if faulty {
		probability = 0.3
	}
	in, out := NewFaults(seed, probability, Honest()...), NewFaults(seed+1000, probability, Honest()...)
	c := openChain(t, version, flipRule("keep"), in, out)
	const flips, rounds = 7, 20 // an odd number: it ends with drop
	w := newWorkload(seed, rounds*(flips+1))
	for n := range flips {
		must(t, w.load(c.ctx, c.sender, rounds, 800))
		action := "drop"
		if n%2 == 1 {
			action = "keep"
		}
		must(t, c.headgate.SetRules(flipRule(action)))
		must(t, c.headgate.Reload(c.ctx))
		c.reloads.Add(1)
	}
	must(t, c.sender.Wait(c.ctx)) // what follows was appended after the last flip
	must(t, w.load(c.ctx, c.sender, rounds, 800))
	got := c.finish(t)
	flow := c.rest(t)

	flipped := func(content Content) Content {
		out := named(content, droppedGauge)
		for s, points := range named(content, thinnedHist) {
			out[s] = points
		}
		return out
	}
	markers := 0
	for s, points := range flipped(c.sender.Log()) {
		found, err := readGaps(points, got[s], !faulty)
		if err != nil {
			t.Errorf("%s: %v", s, err)
		}
		if drops := (flips + 1) / 2; found > drops {
			t.Errorf("%s: %d stale markers, it was dropped %d times", s, found, drops)
		}
		markers += found
	}
	if markers == 0 || flow.Dropped == 0 {
		t.Errorf("the flips showed nothing: %d markers, %+v", markers, flow)
	}
	rest := func(s string) bool { _, ok := flipped(c.sender.Log())[s]; return !ok }
	if d := Compare(c.sender.Log().Filter(rest), got.Filter(rest)); !d.Zero() {
		t.Errorf("series that no rule touches: %v", d)
	}
	t.Logf("run: %d.0 seed=%d faulty=%t flips=%d markers=%d %s", version, seed, faulty, flips, markers, c.summary(got))
}

// readGaps walks one series that was dropped now and then, and returns how
// many stale markers it found. If strict, each gap begins with its marker and
// has no other. With faults, a request may have been tried before a flip and
// repeated after it, so that a gap's marker comes later, or not at all if the
// gap was that request alone; and two gaps are one if the request between them
// was refused, because its first attempt had left a marker where its repeat has
// a sample. The last gap, which never ends, has a marker in any case.
func readGaps(appended, stored []Point, strict bool) (markers int, _ error) {
	inGap, marked := false, false
	for _, want := range appended {
		var got Point
		if len(stored) > 0 && stored[0].Ms == want.Ms {
			got, stored = stored[0], stored[1:]
		}
		switch {
		case got == want:
			inGap, marked = false, false
		case got == Point{}:
			if strict && !marked {
				return markers, fmt.Errorf("at %d a gap begins without a stale marker", want.Ms)
			}
			inGap = true
		case !got.Stale():
			return markers, fmt.Errorf("%v, want %v", got, want)
		case strict && marked:
			return markers, fmt.Errorf("at %d there is a second stale marker", want.Ms)
		case strict && inGap:
			return markers, fmt.Errorf("at %d a stale marker comes late", want.Ms)
		default:
			markers++
			inGap, marked = true, true
		}
	}
	if len(stored) > 0 {
		return markers, fmt.Errorf("%v was never appended", stored[0])
	}
	if !marked {
		return markers, fmt.Errorf("it ends without a stale marker")
	}
	return markers, nil
}

func TestReadGaps(t *testing.T) {
	p := func(ms int64) Point { return Point{Ms: ms, Bits: 1} }
	m := func(ms int64) Point { return Point{Ms: ms, Bits: 0x7ff0_0000_0000_0002} }
	appended := []Point{p(1), p(2), p(3), p(4), p(5), p(6)}
	tests := []struct {
		name          string
		stored        []Point
		strict, loose bool
	}{
		{"one gap to the end", []Point{p(1), p(2), m(3)}, true, true},
		{"two gaps", []Point{p(1), m(2), p(4), p(5), m(6)}, true, true},
		{"a late marker", []Point{p(1), m(3)}, false, true},
		{"a gap without a marker", []Point{p(1), p(3), m(4)}, false, true},
		{"no marker at the end", []Point{p(1), m(2), p(4)}, false, false},
		{"two markers in a gap", []Point{p(1), m(2), m(3)}, false, true},
		{"a wrong value", []Point{p(1), {Ms: 2, Bits: 9}, m(3)}, false, false},
		{"an invented sample", []Point{p(1), m(2), p(7)}, false, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if _, err := readGaps(appended, test.stored, true); (err == nil) != test.strict {
				t.Errorf("strict: %v", err)
			}
			if _, err := readGaps(appended, test.stored, false); (err == nil) != test.loose {
				t.Errorf("loose: %v", err)
			}
		})
	}
}
