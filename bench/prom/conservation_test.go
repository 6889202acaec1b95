package prom

import (
	"fmt"
	"testing"
)

// markersMetric counts the stale markers that headgate made.
const markersMetric = "headgate_stale_markers_total"

// Every sample that headgate decodes has one outcome, and what it counts as
// forwarded is what the upstream acknowledged to it.
func TestOutcomesAreConserved(t *testing.T) {
	t.Parallel()
	for _, v := range versions {
		t.Run(v.name+"/without rules", func(t *testing.T) {
			eachRun(t, func(t *testing.T, seed uint64) {
				c := openChain(t, v.version, "", NewFaults(seed, 0.3, Honest()...), NewFaults(seed+1000, 0.3, Honest()...))
				must(t, newWorkload(seed, 80).load(c.ctx, c.sender, 80, 1500))
				got := c.finish(t)
				flow := c.checkFlow(t, 0)
				t.Logf("run: %s seed=%d %+v %s", v.name, seed, flow, c.summary(got))
			})
		})
		t.Run(v.name+"/with rules and markers", func(t *testing.T) {
			eachRun(t, func(t *testing.T, seed uint64) {
				c := openChain(t, v.version, flipRule("keep"), NewFaults(seed, 0.3, Clean()...), NewFaults(seed+1000, 0.3, Clean()...))
				w := newWorkload(seed, 80)
				must(t, w.load(c.ctx, c.sender, 40, 1500))
				must(t, c.headgate.SetRules(policy))
				must(t, c.headgate.Reload(c.ctx))
				must(t, w.load(c.ctx, c.sender, 40, 1500))
				got := c.finish(t)

				made := c.madeMarkers(t)
				flow := c.checkFlow(t, made)
				counted, err := c.headgate.Metric(c.ctx, markersMetric)
				must(t, err)
				// A series of which nothing was stored before the rule came has nothing to end.
				if want := len(named(got, droppedGauge)); made != want || int(counted) != made {
					t.Errorf("%d markers on the wire, %v counted; want one for each of %d dropped series", made, counted, want)
				}
				if flow.Dropped == 0 || flow.Downsampled == 0 {
					t.Errorf("nothing was dropped or thinned: %+v", flow)
				}
				t.Logf("run: %s seed=%d markers=%d %+v %s", v.name, seed, made, flow, c.summary(got))
			})
		})
	}
}

// checkFlow compares headgate's counts with what the two proxies saw.
func (c *chain) checkFlow(t *testing.T, markers int) Flow {
	t.Helper()
	flow := c.rest(t)
	if received := c.in.Tally().Samples; flow.Received != received {
		t.Errorf("headgate counts %d samples received, it answered requests with %d", flow.Received, received)
	}
	if acknowledged := c.out.Tally().Acknowledged; flow.Forwarded+markers != acknowledged {
		t.Errorf("headgate counts %d samples forwarded and %d markers, the receiver acknowledged %d",
			flow.Forwarded, markers, acknowledged)
	}
	if flow.Failed == 0 || flow.Shed != 0 {
		t.Errorf("under faults and without limits some must fail and none be shed: %+v", flow)
	}
	return flow
}

// madeMarkers counts the acknowledged stale markers that the sender never
// appended.
func (c *chain) madeMarkers(t *testing.T) int {
	t.Helper()
	appended := make(map[Mark]bool)
	for s, points := range c.sender.Log() {
		for _, p := range points {
			if p.Stale() {
				appended[Mark{s, p.Ms}] = true
			}
		}
	}
	made := make(map[Mark]bool)
	for _, m := range c.out.Marks() {
		if appended[m] {
			continue
		}
		if made[m] {
			t.Error(fmt.Errorf("marker %v was acknowledged twice", m))
		}
		made[m] = true
	}
	return len(made)
}
