package gateway

import (
	"log/slog"
	"time"
)

// A Bypass is the switch for a bad night: while it is on, no rule and no limit
// removes anything.
type Bypass struct {
	Until  time.Time
	Reason string
}

// SetBypass turns every rule and limit off until b.Until, from the next request
// on. A nil b turns them on again.
func (g *Gateway) SetBypass(b *Bypass) {
	old := g.bypass.Swap(b)
	switch {
	case b != nil:
		g.log.Warn("bypass is on: no rule and no limit acts", slog.Time("until", b.Until), slog.String("reason", b.Reason))
		g.notify(Event{At: time.Now(), Kind: "bypass", Text: "on until " + b.Until.UTC().Format(time.RFC3339) + ": " + b.Reason})
	case old != nil:
		g.log.Warn("bypass is off: rules and limits act again")
		g.notify(Event{At: time.Now(), Kind: "bypass", Text: "off"})
	}
}

// Bypass returns the bypass that is on, or nil.
func (g *Gateway) Bypass() *Bypass {
	if g.bypassed(time.Now()) {
		return g.bypass.Load()
	}
	return nil
}

func (g *Gateway) bypassed(now time.Time) bool {
	b := g.bypass.Load()
	return b != nil && now.Before(b.Until)
}

// endBypass says so when a bypass has run out.
func (g *Gateway) endBypass(now time.Time) {
	b := g.bypass.Load()
	if b == nil || now.Before(b.Until) || !g.bypass.CompareAndSwap(b, nil) {
		return
	}
	g.log.Warn("bypass has ended: rules and limits act again")
	g.notify(Event{At: now, Kind: "bypass", Text: "ended"})
}
