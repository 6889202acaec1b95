package control

import (
	"slices"

	"github.com/headgate/headgate/internal/series"
	"github.com/headgate/headgate/limiter"
	"github.com/headgate/headgate/profiler/inventory"
)

// A LimitActive is how active series stand to the limits of them.
type LimitActive struct {
	Pool      string  // "" for the tenant
	Series    float64 // active
	Counted   bool    // by the limiter; else they are those that were forwarded within the window, as the profiler estimates
	LimitNow  int64   // 0: none; so is LimitThen
	LimitThen int64
	Rooms     []LimitRoom // low first: it is refused first
}

// A LimitRoom is how many new series of a priority are admitted before they are refused.
type LimitRoom struct {
	Priority series.Priority
	From     int64 // active series, from which the new limit refuses them; 0: it never does
	Now      int64 // by the limit in force; Endless: all are admitted
	Then     int64 // by the new one
}

// Endless is the room of what has no limit.
const Endless = -1

// limitActive returns how active series stand to the limit in force and to l.
func (c *Control) limitActive(current Limit, l limiter.Limit) []LimitActive {
	is := current.Status.Limit
	all := LimitActive{Series: float64(current.ActiveSeries), Counted: is.LimitsSeries() && current.Unkept == "", LimitNow: is.ActiveSeries, LimitThen: l.ActiveSeries}
	if !all.Counted && c.parts.Profiler != nil {
		all.Series = c.parts.Profiler.Select(current.Tenant, &inventory.Query{}).Forwarded.Value
	}
	list := []LimitActive{all.withRooms()}
	if !all.Counted {
		return list
	}
	limitIn := func(pools []limiter.PoolConfig, name string) int64 {
		if i := slices.IndexFunc(pools, func(p limiter.PoolConfig) bool { return p.Name == name }); i >= 0 {
			return pools[i].ActiveSeries
		}
		return 0
	}
	for _, p := range current.Pools {
		of := LimitActive{Pool: p.Name, Series: float64(p.ActiveSeries), Counted: true, LimitNow: limitIn(is.Pools, p.Name), LimitThen: limitIn(l.Pools, p.Name)}
		if of.LimitNow > 0 || of.LimitThen > 0 {
			list = append(list, of.withRooms())
		}
	}
	return list
}

func (a LimitActive) withRooms() LimitActive {
	for p := series.Low; p <= series.Critical; p++ {
		room := LimitRoom{Priority: p, From: limiter.RefusedFrom(a.LimitThen, p), Now: Endless, Then: Endless}
		if n, bounded := limiter.Room(a.LimitNow, int64(a.Series), p); bounded {
			room.Now = n
		}
		if n, bounded := limiter.Room(a.LimitThen, int64(a.Series), p); bounded {
			room.Then = n
		}
		a.Rooms = append(a.Rooms, room)
	}
	return a
}
