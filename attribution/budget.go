package attribution

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/headgate/headgate/internal/tenant"
)

// A BudgetConfig is what a team or a tenant may spend.
type BudgetConfig struct {
	Month Amount `yaml:"month" json:"month"` // in each calendar month of UTC
}

// Budgets are written by team, or as tenant:NAME by tenant.
type Budgets map[string]BudgetConfig

// A Budget is what one team, or one tenant, may spend in a month.
type Budget struct {
	Tenant tenant.ID // of a tenant; "" of a team
	Team   string    // of a team; "" of a tenant
	Month  Micro
}

// String returns whose budget it is.
func (b Budget) String() string {
	if b.Tenant != "" {
		return "tenant " + string(b.Tenant)
	}
	return "team " + b.Team
}

// List returns the budgets, those of teams first, or all that is wrong with bs.
func (bs Budgets) List() ([]Budget, error) {
	var list []Budget
	var errs []error
	for key, c := range bs {
		b, err := c.Budget(key)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", shownKey(key), err))
		}
		list = append(list, b)
	}
	if len(errs) > 0 {
		slices.SortFunc(errs, func(a, b error) int { return cmp.Compare(a.Error(), b.Error()) })
		return nil, errors.Join(errs...)
	}
	slices.SortFunc(list, Budget.Compare)
	return list, nil
}

// tenantKey is what the keys of tenants' budgets begin with.
const tenantKey = "tenant:"

// Budget returns the budget that c is under a key, or what is wrong with it, as
// "month: text" where it is not the key.
func (c BudgetConfig) Budget(key string) (Budget, error) {
	b := Budget{Team: key, Month: c.Month.Micro}
	id, ofTenant := strings.CutPrefix(key, tenantKey)
	if ofTenant {
		b.Team, b.Tenant = "", tenant.ID(id)
		if _, err := tenant.Parse(id); err != nil {
			return b, err
		}
	}
	teamErr := checkTeam(key)
	switch {
	case key == "":
		return b, errors.New("a team has no name; write it before the colon")
	case !ofTenant && teamErr != nil:
		return b, fmt.Errorf("the team is %w", teamErr)
	case strings.ContainsRune(key, 0):
		return b, errors.New("the team has the character NUL in it; remove it")
	case b.Month <= 0:
		return b, errors.New("month: it is 0; write what may be spent, or remove the budget")
	}
	return b, nil
}

// shownKey returns a budget's key for people.
func shownKey(key string) string {
	if checkTeam(key) == nil && key != "" && !strings.ContainsFunc(key, unicode.IsControl) {
		return key
	}
	return fmt.Sprintf("%.64q", key)
}

// Key returns what b is written under.
func (b Budget) Key() string {
	if b.Tenant != "" {
		return tenantKey + string(b.Tenant)
	}
	return b.Team
}

// Compare orders budgets: those of teams first, then by name.
func (b Budget) Compare(o Budget) int {
	return cmp.Or(cmp.Compare(b.Tenant, o.Tenant), cmp.Compare(b.Team, o.Team))
}

// Thresholds are the parts of a budget, in percent, at which somebody is told.
var Thresholds = []int{50, 80, 100}

// A BudgetState is how a month stands against its budget.
type BudgetState struct {
	Budget
	Forecast  Forecast
	Used      float64 // the part of the budget that is spent, from 0
	Threshold int     // the highest that is reached, in percent; 0 for none
	Over      bool    // the month is expected to end over the budget
	Exhausted Hour    // the day on which the budget is, or is expected to be, used up; 0 for none in this month
	DaysLeft  int     // until then, from today; -1 for none in this month
}

// State returns how the month of a forecast stands against b. The forecast is
// that of the team's, or the tenant's, cost; days are those of it so far.
func (b Budget) State(f Forecast, days []DayTotal) BudgetState {
	s := BudgetState{Budget: b, Forecast: f, Used: float64(f.ToDate) / float64(b.Month), Over: f.Expected > b.Month, DaysLeft: -1}
	for _, t := range Thresholds {
		if reached(f.ToDate, b.Month, t) {
			s.Threshold = t
		}
	}
	var spent Micro
	for _, d := range days {
		if spent += inMonth(d, f.Month); spent >= b.Month && f.ToDate >= b.Month {
			s.Exhausted, s.DaysLeft = d.Day, 0
			return s
		}
	}
	for i, d := range f.Days {
		if d.ToDate >= b.Month {
			s.Exhausted, s.DaysLeft = d.Day, i
			break
		}
	}
	return s
}

func inMonth(d DayTotal, m Month) Micro {
	if d.Day < m.From() || d.Day >= m.To() {
		return 0
	}
	return d.Total
}

// reached reports whether spent is percent of budget or more, exactly.
func reached(spent, budget Micro, percent int) bool {
	whole, rest := budget/100, budget%100
	return spent >= whole*Micro(percent)+(rest*Micro(percent)+99)/100
}

// Told is what was said of a budget in a month, so that it is said once.
type Told struct {
	Month     Month
	Threshold int  // the highest, in percent
	Over      bool // that the month is expected to end over the budget
}

// A BudgetEvent is something to be told of a budget.
type BudgetEvent struct {
	Budget
	Month     Month
	Threshold int  // reached, in percent; 0 where the forecast is what is told
	Over      bool // the month is expected to end over the budget; false with Threshold 0: no longer
	Text      string
}

// overSlack is how far below the budget a forecast has to fall, in percent, until
// it is no longer over: so that it does not go back and forth every day.
const overSlack = 5

// Events returns what is to be told of s, and what has been told by then. Of
// several thresholds reached since, the highest is told.
func (s BudgetState) Events(before Told, currency string) ([]BudgetEvent, Told) {
	if before.Month != s.Forecast.Month {
		before = Told{Month: s.Forecast.Month}
	}
	after := before
	var events []BudgetEvent
	tell := func(e BudgetEvent, format string, args ...any) {
		e.Budget, e.Month = s.Budget, s.Forecast.Month
		e.Text = fmt.Sprintf("%s: ", s.Budget) + fmt.Sprintf(format, args...)
		events = append(events, e)
	}
	if s.Threshold > before.Threshold {
		after.Threshold = s.Threshold
		tell(BudgetEvent{Threshold: s.Threshold}, "%d %% of the budget of %s %s for %s is spent: %s",
			s.Threshold, s.Budget.Month, currency, s.Forecast.Month, s.Forecast.ToDate)
	}
	calm := !reached(s.Forecast.Expected, s.Budget.Month, 100-overSlack)
	switch {
	case s.Over && !before.Over && s.Threshold < 100:
		after.Over = true
		tell(BudgetEvent{Over: true}, "%s is expected to end at %s %s, between %s and %s, over the budget of %s",
			s.Forecast.Month, s.Forecast.Expected, currency, s.Forecast.Low, s.Forecast.High, s.Budget.Month)
	case calm && before.Over:
		after.Over = false
		tell(BudgetEvent{}, "%s is expected to end at %s %s, within the budget of %s again",
			s.Forecast.Month, s.Forecast.Expected, currency, s.Budget.Month)
	}
	return events, after
}
