package rules

import (
	"slices"
	"time"

	"github.com/headgate/headgate/internal/series"
	"github.com/headgate/headgate/internal/tenant"
)

// An Action is what a rule does to the series it matches.
type Action uint8

// The actions.
const (
	Keep       Action = iota // pass every sample; protects from later rules
	Drop                     // pass none
	Downsample               // pass the first sample of each interval
	Prioritize               // set the priority; decides nothing else
)

// When says in which state of its tenant a rule applies.
type When uint8

// The states.
const (
	Always    When = iota // at any time
	OverLimit             // only while the tenant is over its limit
)

// A Mode says whether a rule acts.
type Mode uint8

// The modes.
const (
	Enforce Mode = iota // it acts
	Shadow              // it changes nothing; what it would remove is counted
	Off                 // it does nothing
)

// The words of files, API and pages, by value.
var (
	actionWords = []string{"keep", "drop", "downsample", "prioritize"}
	whenWords   = []string{"always", "over_limit"}
	modeWords   = []string{"enforce", "shadow", "off"}
)

// String returns the action's word in files, API and pages.
func (a Action) String() string { return actionWords[a] }

// String returns the word in files, API and pages.
func (w When) String() string { return whenWords[w] }

// String returns the mode's word in files, API and pages.
func (m Mode) String() string { return modeWords[m] }

// What a rule may hold.
const (
	MinInterval     = time.Second
	MaxInterval     = 4 * time.Minute // below Prometheus' lookback of 5m, with room for one late scrape
	MaxNameBytes    = 63
	MaxTeamBytes    = 256
	MaxReasonBytes  = 1024
	MaxSelectorList = 1000 // selectors of one rule
)

// A Rule is a selector and what to do with the series it matches. It must not be
// changed once it was given to an [Engine]; any number of goroutines may read it.
type Rule struct {
	Name      string             // unique in the installation
	Tenant    tenant.ID          // "" means every tenant
	Match     []*series.Selector // any of them
	Action    Action
	Interval  time.Duration // Downsample only
	AllowGaps bool          // Interval may exceed MaxInterval
	Priority  series.Priority
	When      When
	Mode      Mode
	Canary    int       // it acts on so many percent of families, and is a shadow to the others; 0: it acts on all
	Expires   time.Time // from here on the rule does nothing; zero: never
	Team      string    // acts only on series of this team; "" means any
	Reason    string

	File string // where it lives, "" for none
	Line int    // from 1
}

// A State is what has become of a rule, in the words of API and pages.
type State string

// The states of a rule.
const (
	StateActive  State = "active"
	StateShadow  State = "shadow"
	StateOff     State = "off"
	StateExpired State = "expired"
)

// State returns the rule's state at now.
func (r *Rule) State(now time.Time) State {
	switch {
	case r.Mode == Off:
		return StateOff
	case !r.Expires.IsZero() && !now.Before(r.Expires):
		return StateExpired
	case r.Mode == Shadow:
		return StateShadow
	}
	return StateActive
}

// Validate returns all that is wrong with r, nil where nothing is.
func (r *Rule) Validate() []FieldError {
	_, errs := r.Spec().Rule()
	return errs
}

// For reports whether r applies to t at all.
func (r *Rule) For(t tenant.ID) bool { return r.Tenant == "" || r.Tenant == t }

// Matches reports whether one of r's selectors matches ls.
func (r *Rule) Matches(ls series.Labels) bool {
	for _, s := range r.Match {
		if s.Matches(ls) {
			return true
		}
	}
	return false
}

// Spares reports whether r, in mode enforce, does not act on the family of a hash. It
// is the same for every rule: families that one canary takes, all of at least its
// percentage take.
func (r *Rule) Spares(family uint64) bool {
	return r.Canary > 0 && canaryPlace(family) >= uint64(r.Canary)
}

// canaryPlace returns where a family stands among all, in percent. The hash is mixed:
// its order decides already which families are shed, and which are sampled. A hash
// of 0, of what is asked without one, stands first.
func canaryPlace(family uint64) uint64 {
	return (family * 0x9e3779b97f4a7c15 >> 32) * 100 >> 32
}

// same reports whether a and b say the same, wherever they live.
func same(a, b *Rule) bool {
	return a.Name == b.Name && a.Tenant == b.Tenant && a.Action == b.Action &&
		a.Interval == b.Interval && a.AllowGaps == b.AllowGaps && a.Priority == b.Priority &&
		a.When == b.When && a.Mode == b.Mode && a.Canary == b.Canary && a.Expires.Equal(b.Expires) &&
		a.Team == b.Team && a.Reason == b.Reason &&
		slices.EqualFunc(a.Match, b.Match, func(x, y *series.Selector) bool { return x.String() == y.String() })
}
