package prom

import (
	"fmt"
	"slices"
	"testing"
)

// policy drops one metric and thins two.
var policy = fmt.Sprintf(`  - name: e2e-drop
    match: '{__name__="%s"}'
    action: drop
  - name: e2e-thin
    match: '{__name__=~"%s|%s"}'
    action: downsample
    interval: %ds
`, droppedGauge, thinnedGauge, thinnedHist, thinningMs/1000)

// versions are run one after the other by name.
var versions = []struct {
	name    string
	version int
}{{"1.0", 1}, {"2.0", 2}}

// An end is how headgate is ended at a quarter of the load.
type end int

const (
	none end = iota
	sigkill
	sigterm
)

// storm runs a chain under everything at once: faults on both sides, reloads
// every second, and the given ends, one a quarter of the load.
func storm(t *testing.T, version int, seed uint64, rules string, ends [4]end) (*chain, Content) {
	t.Helper()
	in := NewFaults(seed, 0.3, Honest()...)
	out := NewFaults(seed+1000, 0.3, append(Honest(), Late)...)
	c := openChain(t, version, rules, in, out)
	stop := c.reloading(t)
	defer stop()

	const rounds, unlimited = 160, 1 << 30
	w := newWorkload(seed, rounds)
	for _, end := range ends {
		if end == none {
			must(t, w.load(c.ctx, c.sender, rounds/4, 1500))
			continue
		}
		must(t, w.load(c.ctx, c.sender, rounds/4, unlimited)) // so that requests are in flight for a while
		if end == sigkill {
			c.restart(t)
		} else {
			c.drain(t)
		}
	}
	got := c.finish(t)
	stop()
	c.rest(t)
	return c, got
}

func TestEverySampleArrives(t *testing.T) {
	t.Parallel()
	for _, v := range versions {
		t.Run(v.name, func(t *testing.T) {
			eachRun(t, func(t *testing.T, seed uint64) {
				c, got := storm(t, v.version, seed, "", [4]end{sigkill, sigterm, sigkill, none})
				d := Compare(c.sender.Log(), got)
				if !d.Zero() {
					t.Errorf("store differs from what was appended: %v", d)
				}
				c.checkExemplars(t, func(string) bool { return true })
				t.Logf("run: %s seed=%d missing=%d wrong=%d doubled=%d %s", v.name, seed, d.Missing, d.Wrong, d.Extra, c.summary(got))
			})
		})
	}
}

func TestRulesDecideWhatArrives(t *testing.T) {
	t.Parallel()
	for _, v := range versions {
		for name, ends := range map[string][4]end{"kills=0": {}, "kills=1": {1: sigkill}} {
			t.Run(v.name+"/"+name, func(t *testing.T) {
				eachRun(t, func(t *testing.T, seed uint64) {
					c, got := storm(t, v.version, seed, policy, ends)
					c.checkPolicy(t, got)
					t.Logf("run: %s seed=%d %s", v.name, seed, c.summary(got))
				})
			})
		}
	}
}

// checkPolicy compares got with what policy makes of the sender's log. A kill
// may cost each thinned series one extra sample.
func (c *chain) checkPolicy(t *testing.T, got Content) {
	t.Helper()
	governed := func(s string) bool {
		return isOf(s, droppedGauge) || isOf(s, thinnedGauge) || isOf(s, thinnedHist)
	}
	plain := func(s string) bool { return !governed(s) }
	if d := Compare(c.sender.Log().Filter(plain), got.Filter(plain)); !d.Zero() {
		t.Errorf("series that no rule touches: %v", d)
	}
	for s, points := range named(got, droppedGauge) {
		for _, p := range points {
			if !p.Stale() {
				t.Errorf("%s: %v was to be dropped", s, p)
			}
		}
	}
	for _, metric := range []string{thinnedGauge, thinnedHist} {
		thinned := named(c.sender.Log(), metric)
		if len(thinned) == 0 {
			t.Fatalf("no series of %s", metric)
		}
		for s, points := range thinned {
			d := Compare(Content{s: Thin(points, thinningMs)}, Content{s: got[s]})
			if d.Missing != 0 || d.Wrong != 0 || d.Extra > c.kills {
				t.Errorf("thinned series after %d kills: %v", c.kills, d)
			}
			for _, p := range got[s] {
				if !slices.Contains(points, p) {
					t.Errorf("%s: %v was never appended", s, p)
				}
			}
		}
	}
	c.checkExemplars(t, plain)
}

// checkExemplars looks for every exemplar of the wanted series in the requests
// that reached the receiver and, over 1.0, in its store. Over 2.0 Prometheus
// does not store what its own sender sends: an exemplar without a sample.
func (c *chain) checkExemplars(t *testing.T, wanted func(series string) bool) {
	t.Helper()
	stored, err := c.receiver.StoredExemplars(c.ctx)
	must(t, err)
	for s, exemplars := range c.sender.Exemplars() {
		if !wanted(s) {
			continue
		}
		for _, x := range exemplars {
			if !c.receiver.Exemplar(s, x) {
				t.Errorf("%s: exemplar %s did not come", s, x)
			}
		}
		if len(stored) > 0 && !slices.Equal(exemplars, stored[s]) {
			t.Errorf("%s: %d exemplars stored, want %d", s, len(stored[s]), len(exemplars))
		}
	}
}
