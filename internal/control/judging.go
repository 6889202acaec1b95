package control

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/headgate/headgate/attribution"
	"github.com/headgate/headgate/internal/series"
	"github.com/headgate/headgate/internal/tenant"
	"github.com/headgate/headgate/profiler/inventory"
	"github.com/headgate/headgate/rules"
)

// Phases are the parts of received samples that metrics can be narrowed to.
var Phases = []string{PhaseReceived, PhaseForwarded, PhaseDropped, PhaseDownsampled, PhaseShed, PhaseRejected, PhaseFailed}

// The phases.
const (
	PhaseReceived    = "received"
	PhaseForwarded   = "forwarded"
	PhaseDropped     = "dropped"
	PhaseDownsampled = "downsampled"
	PhaseShed        = "shed"
	PhaseRejected    = "rejected"
	PhaseFailed      = "failed"
)

// A judging says what becomes of a tenant's series by their verdicts: by the rules,
// and by what the limiter sheds now.
type judging struct {
	intervals map[string]time.Duration // of rules that thin
	pools     map[string]string        // by team
	shed      map[poolOf]float64       // the part of series
}

type poolOf struct {
	pool     string
	priority series.Priority
}

// The actions of verdicts that remove samples.
var drop, downsample = rules.Drop.String(), rules.Downsample.String()

// defaultPool is the pool of series that are in no other.
const defaultPool = "default"

func (c *Control) judging(t tenant.ID) *judging {
	j := &judging{intervals: map[string]time.Duration{}, pools: map[string]string{}, shed: map[poolOf]float64{}}
	if c.parts.Rules != nil {
		for _, r := range c.parts.Rules.Rules() {
			j.intervals[r.Name] = r.Interval
		}
	}
	if c.parts.Limits == nil {
		return j
	}
	l := c.limitOf(t)
	for _, p := range l.Limit.Pools {
		for _, team := range p.Teams {
			j.pools[team] = p.Name
		}
	}
	if l.Over && !l.Shadow {
		for _, s := range l.Shed {
			j.shed[poolOf{s.Pool, s.Priority}] = s.SeriesFraction
		}
	}
	return j
}

// ownerOf returns whose the series of a verdict are.
func ownerOf(v inventory.Verdict) string { return cmp.Or(v.Team, attribution.Unowned) }

// Fate is what becomes of series, in parts of one: they are forwarded whole, thinned,
// dropped or shed.
type Fate struct{ Forwarded, Dropped, Downsampled, Shed float64 }

// fate returns what becomes of series that are judged so.
func (j *judging) fate(judged []inventory.Judged) (f Fate) {
	for _, v := range judged {
		shed := j.shedOf(v.Verdict)
		switch v.Action {
		case drop:
			f.Dropped += v.Share
			continue
		case downsample:
			f.Downsampled += v.Share * (1 - shed)
		default:
			f.Forwarded += v.Share * (1 - shed)
		}
		f.Shed += v.Share * shed
	}
	return f
}

// shedOf returns which part of the series of a verdict is shed. Series that are in a
// pool by their labels count as those of the pool of their team.
func (j *judging) shedOf(v inventory.Verdict) float64 {
	if j == nil {
		return 0
	}
	return j.shed[poolOf{cmp.Or(j.pools[v.Team], defaultPool), v.Priority}]
}

// left returns how many of so many samples per second the rules let pass.
func (j *judging) left(v inventory.Verdict, perSecond float64) float64 {
	switch v.Action {
	case drop:
		return 0
	case downsample:
		if every := j.intervals[v.Rule].Seconds(); every > 0 {
			return min(perSecond, 1/every)
		}
	}
	return perSecond
}

// passing returns what says which part of samples is meant; nil for all.
func (j *judging) passing(team, phase string) (func(inventory.Verdict, float64) (float64, bool), error) {
	if phase != "" && !slices.Contains(Phases, phase) {
		return nil, &Invalid{"phase", fmt.Sprintf("%.64q is none of %s", phase, strings.Join(Phases, ", "))}
	}
	part := map[string]func(v inventory.Verdict, perSecond float64) (float64, bool){
		PhaseForwarded: func(v inventory.Verdict, n float64) (float64, bool) {
			n = j.left(v, n) * (1 - j.shedOf(v))
			return n, v.Action != drop && j.shedOf(v) < 1
		},
		PhaseDropped:     func(v inventory.Verdict, n float64) (float64, bool) { return n, v.Action == drop },
		PhaseDownsampled: func(v inventory.Verdict, n float64) (float64, bool) { return n - j.left(v, n), v.Action == downsample },
		PhaseShed: func(v inventory.Verdict, n float64) (float64, bool) {
			shed := j.shedOf(v)
			return j.left(v, n) * shed, v.Action != drop && shed > 0
		},
	}[phase]
	switch {
	case team == "":
		return part, nil
	case part == nil:
		part = func(_ inventory.Verdict, n float64) (float64, bool) { return n, true }
	}
	return func(v inventory.Verdict, n float64) (float64, bool) {
		if ownerOf(v) != team {
			return 0, false
		}
		return part(v, n)
	}, nil
}
