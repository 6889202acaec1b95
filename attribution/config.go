package attribution

import (
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/headgate/headgate/internal/series"
)

// MaxTeamBytes is the longest team name.
const MaxTeamBytes = 256

// Config is the attribution section of the configuration file.
type Config struct {
	Owners   []OwnerConfig   `yaml:"owners" json:"owners"`     // the first that decides wins
	Catalogs []CatalogConfig `yaml:"catalogs" json:"catalogs"` // asked after all of these, in order
	Prices   Prices          `yaml:"prices" json:"prices"`     // what the upstream costs
	Shared   Sharing         `yaml:"shared" json:"shared"`     // who pays for what nobody owns
	Budgets  Budgets         `yaml:"budgets" json:"budgets"`
	Ledger   LedgerConfig    `yaml:"ledger" json:"-"`
}

// An OwnerConfig is one clause as people write it: match and team, or label.
type OwnerConfig struct {
	Match string `yaml:"match,omitempty" json:"match,omitempty"` // a PromQL series selector
	Team  string `yaml:"team,omitempty" json:"team,omitempty"`
	Label string `yaml:"label,omitempty" json:"label,omitempty"` // the team is this label's value
}

// DefaultConfig is what an absent section means: nobody owns anything, nothing
// costs anything, and were there both, teams would pay for what nobody owns in
// proportion to their own cost.
func DefaultConfig() Config { return Config{Shared: Proportional, Ledger: defaultLedger()} }

// Validate returns all that is wrong with c, each as "key: text", and of the items
// of a list, the clauses of owners among them, under their number from 1.
func (c Config) Validate() error {
	_, errOwners := New(c)
	errs := []error{errOwners}
	for i, catalog := range c.Catalogs {
		errs = append(errs, below(fmt.Sprintf("catalogs: number %d", i+1), catalog.Validate()))
	}
	_, errBudgets := c.Budgets.List()
	errs = append(errs, below("prices", c.Prices.Validate()), below("shared", c.Shared.Validate()),
		below("budgets", errBudgets), below("ledger", c.Ledger.Validate()))
	return errors.Join(errs...)
}

// below puts key before every error that err joins.
func below(key string, err error) error {
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		var errs []error
		for _, e := range many.Unwrap() {
			errs = append(errs, below(key, e))
		}
		return errors.Join(errs...)
	}
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", key, err)
}

// Validate returns all that is wrong with c, each as "key: text" where one key is.
func (c OwnerConfig) Validate() error {
	_, err := c.clause()
	return err
}

// clause returns the clause that c describes, or all that is wrong with it.
func (c OwnerConfig) clause() (Clause, error) {
	switch {
	case c.Label != "" && (c.Match != "" || c.Team != ""):
		return Clause{}, errors.New("it has label beside match or team; write two clauses, {match, team} and {label}")
	case c.Label != "":
		if err := checkTeam(c.Label); err != nil {
			return Clause{}, fmt.Errorf("label: it is %w", err)
		}
		return Clause{Label: c.Label}, nil
	case c.Match == "" && c.Team == "":
		return Clause{}, errors.New("it is empty; write {match: '{namespace=\"checkout\"}', team: checkout} or {label: team}")
	case c.Match == "":
		return Clause{}, fmt.Errorf("team %q lacks its match; say which series are the team's", c.Team)
	case c.Team == "":
		return Clause{}, fmt.Errorf("match %s lacks its team; say whose these series are", c.Match)
	}
	sel, selErr := series.ParseSelector(c.Match)
	if selErr != nil {
		selErr = fmt.Errorf("match: %w", selErr)
	}
	teamErr := checkTeam(c.Team)
	if teamErr != nil {
		teamErr = fmt.Errorf("team: it is %w", teamErr)
	}
	return Clause{Match: sel, Team: c.Team}, errors.Join(selErr, teamErr)
}

func checkTeam(s string) error {
	switch {
	case !utf8.ValidString(s):
		return errors.New("not UTF-8; write it in UTF-8")
	case len(s) > MaxTeamBytes:
		return fmt.Errorf("%d bytes long; shorten it to %d", len(s), MaxTeamBytes)
	}
	return nil
}
