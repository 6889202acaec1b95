package control

import (
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/headgate/headgate/gateway"
	"github.com/headgate/headgate/internal/tenant"
	"github.com/headgate/headgate/limiter"
)

// countsAlike reports whether active series mean the same to the profiler, which says
// when a series is seen again, and to limits.
func (p *limitPolicy) countsAlike() bool { return p.window == 0 || p.window == limiter.Window }

// kept returns what of a limit is in force: without its limits of active series,
// where they would count something else than the profiler does.
func (p *limitPolicy) kept(l limiter.Limit) limiter.Limit {
	if p.countsAlike() || !l.LimitsSeries() {
		return l
	}
	l.ActiveSeries = 0
	l.Pools = slices.Clone(l.Pools)
	for i := range l.Pools {
		l.Pools[i].ActiveSeries = 0
	}
	if l.SamplesPerSecond == 0 {
		l.Pools = nil
	}
	return l
}

// unkept says what of a tenant's limit is not in force, and why; "" where all is.
func (p *limitPolicy) unkept(l limiter.Limit) string {
	if p.countsAlike() || !l.LimitsSeries() {
		return ""
	}
	return fmt.Sprintf("its limits of active_series are not in force: they count the series of %s, and profiler.window was %s when the process started; make it %s in the configuration file and restart, or take them out of the limit",
		limiter.Window, p.window, limiter.Window)
}

// saying returns what the file or the store says of a tenant's limit, in force or not.
func (p *limitPolicy) saying(t tenant.ID) limiter.Limit {
	if l, ok := p.config.Tenants[t]; ok {
		return l
	}
	if s, ok := p.stored[t]; ok {
		return s.Limit
	}
	return p.config.Default
}

// defaultName is what stands for the tenants that are not named.
const defaultName = "default"

// tellUnkept tells whose limits are not in force as they are written, once. The lock
// is held.
func (ls *Limits) tellUnkept(p *limitPolicy) {
	now := map[tenant.ID]bool{}
	tell := func(t tenant.ID, of string, l limiter.Limit) {
		why := p.unkept(l)
		if why == "" {
			return
		}
		if now[t] = true; ls.told[t] {
			return
		}
		ls.log.Error("a limit is not in force as it is written", slog.String("tenant", of), slog.String("why", why))
		if ls.parts.Tell != nil {
			ls.parts.Tell(gateway.Event{At: time.Now(), Kind: "limit", Tenant: t, Text: "the limit of " + of + " is not in force as it is written: " + why})
		}
	}
	tell("", defaultName, p.config.Default)
	for _, t := range slices.Sorted(maps.Keys(p.config.Tenants)) {
		tell(t, string(t), p.config.Tenants[t])
	}
	for _, t := range slices.Sorted(maps.Keys(p.stored)) {
		if p.locked(t) == nil {
			tell(t, string(t), p.stored[t].Limit)
		}
	}
	ls.told = now
}

// checkWindow refuses limits of active series where they would not be kept.
func (p *limitPolicy) checkWindow(l *limiter.Limit) error {
	if p.countsAlike() || !l.LimitsSeries() {
		return nil
	}
	field := "active_series"
	if l.ActiveSeries == 0 {
		field = "pools"
	}
	return &Invalid{field, fmt.Sprintf("limits of active series count the series of %s, and profiler.window is %s in the configuration file: make it %s there and restart, or limit samples_per_second instead",
		limiter.Window, p.window, limiter.Window)}
}
