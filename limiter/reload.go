package limiter

import (
	"slices"
	"time"
)

// apply makes l the tenant's limit. What was counted stays, and so do the tokens.
func (t *Tenant) apply(now time.Time, l Limit, named bool) error {
	t.mu.Lock()
	before := t.pools
	pools, err := newPools(&l, before)
	if err != nil {
		t.mu.Unlock()
		return err
	}
	old := t.limit
	t.limit, t.named, t.pools = l, named, pools
	at := t.clock(now)
	t.applyHard(now, old)
	what := t.applySoft(now, at, old, before)
	if !named && !t.control.exceeded {
		t.history.expire(at, true, &t.limiter.blocks)
	}
	t.publish()
	t.families.setLimit(l.ActiveSeries, pools)
	t.mu.Unlock()
	t.tell(now, what)
	return nil
}

func (t *Tenant) applyHard(now time.Time, old Limit) {
	perSecond := float64(t.limit.HardSamplesPerSecond)
	switch {
	case perSecond == 0:
		t.hard = bucket{}
	case old.HardSamplesPerSecond == 0:
		t.hard = newBucket(now, perSecond, t.limit.burst())
	default:
		t.hard.set(now, perSecond, t.limit.burst())
	}
}

func (t *Tenant) applySoft(now time.Time, at time.Duration, old Limit, before *Pools) []happening {
	c, pools := &t.control, t.pools
	perSecond := float64(t.limit.SamplesPerSecond)
	if perSecond == 0 {
		exceeded := c.exceeded
		t.soft, t.meter = bucket{}, nil
		t.empty.Store(0)
		c.reset(0, 0, pools.shares)
		if exceeded {
			return []happening{{Left, "its limit of samples per second was removed"}}
		}
		return nil
	}
	if old.SamplesPerSecond == 0 {
		c.reset(perSecond, t.limit.burst(), pools.shares)
		t.soft, t.full, t.last = newBucket(now, perSecond, t.softBurst()), at, 0
		t.remeasure(func(p int) int { return p })
		return nil
	}
	change := apart
	if pools.divides(before) {
		change = orderOf(c.perSecond, c.shares, perSecond, pools.shares)
	}
	t.soft.set(now, perSecond, t.softBurst())
	if t.empty.Load() != 0 && t.soft.wait(now, t.least()) == 0 {
		t.empty.Store(0)
	}
	c.perSecond, c.burst, c.shares = perSecond, t.limit.burst(), pools.shares
	if before != pools {
		poolOf := func(p int) int { n, _ := pools.find(before.Name(Pool(p))); return int(n) }
		t.remeasure(poolOf)
		c.adopt(pools.Len(), poolOf, at)
	}
	if change == same || !c.exceeded {
		return nil
	}
	what := c.refit(at, t.meter, change, t.poolName)
	t.moves += uint64(len(what))
	if change == lowered || !c.low() {
		return what
	}
	c.calm = at - leaveAfter // the minute was under the limit that is now
	if t.soft.wait(now, t.least()) == 0 {
		what = append(what, t.leave())
	}
	return what
}

// adopt makes the states of other pools from those of before. A pool that is new
// begins as default is.
func (c *control) adopt(pools int, poolOf func(int) int, now time.Duration) {
	if !c.exceeded {
		return
	}
	old := c.pools
	c.pools = slices.Repeat(old[:1:1], pools)
	for p := range c.pools {
		s := &c.pools[p]
		s.debt, s.spent, s.asked, s.passed, s.moved, s.counted = 0, 0, 0, 0, now, now
	}
	for p := len(old) - 1; p >= 0; p-- {
		if n := poolOf(p); n != 0 || p == 0 {
			c.pools[n] = old[p]
		}
	}
}
