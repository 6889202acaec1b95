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
	Owners []OwnerConfig `yaml:"owners" json:"owners"` // the first that decides wins
}

// An OwnerConfig is one clause as people write it: match and team, or label.
type OwnerConfig struct {
	Match string `yaml:"match,omitempty" json:"match,omitempty"` // a PromQL series selector
	Team  string `yaml:"team,omitempty" json:"team,omitempty"`
	Label string `yaml:"label,omitempty" json:"label,omitempty"` // the team is this label's value
}

// DefaultConfig is what an absent section means: nobody owns anything.
func DefaultConfig() Config { return Config{} }

// Validate returns all that is wrong with c, each clause under its number from 1.
func (c Config) Validate() error {
	_, err := New(c)
	return err
}

// clause returns the clause that c describes, or all that is wrong with it.
func (c OwnerConfig) clause() (Clause, error) {
	switch {
	case c.Label != "" && (c.Match != "" || c.Team != ""):
		return Clause{}, errors.New("it has label beside match or team; write two clauses, {match, team} and {label}")
	case c.Label != "":
		if err := checkTeam(c.Label); err != nil {
			return Clause{}, fmt.Errorf("label is %w", err)
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
		teamErr = fmt.Errorf("team is %w", teamErr)
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
