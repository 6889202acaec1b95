package attribution

import (
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/headgate/headgate/internal/series"
)

// Unowned is the team of series that no clause decides.
const Unowned = "unowned"

// A Clause names the team of some series. It has either Match and Team, or Label,
// or Catalog.
type Clause struct {
	Match   *series.Selector // series it decides
	Team    string           // whose they are
	Label   string           // else: the value of this label is the team
	Catalog *Catalog         // else: what this catalog knows decides
}

// String returns the clause for people.
func (c Clause) String() string {
	switch {
	case c.Catalog != nil:
		return c.Catalog.String()
	case c.Label != "":
		return fmt.Sprintf("label %q", c.Label)
	}
	return fmt.Sprintf("match %s, team %q", c.Match, c.Team)
}

// Owners find the team of a series. They are immutable: any number of goroutines
// may use them. The zero value owns nothing.
type Owners struct {
	clauses []Clause
	service string // label that names it; "": none does
}

// New returns the owners that cfg describes, or all that is wrong with them. First
// come the clauses that are written out, in their order, then those of the
// catalogs, in theirs: who writes a clause knows better than a catalog.
func New(cfg Config, catalogs ...*Catalog) (*Owners, error) {
	o := &Owners{clauses: make([]Clause, 0, len(cfg.Owners)+len(catalogs)), service: cfg.Ledger.ServiceLabel}
	var errs []error
	for i, oc := range cfg.Owners {
		c, err := oc.clause()
		if err != nil {
			errs = append(errs, below(fmt.Sprintf("owners: clause %d", i+1), err))
			continue
		}
		o.clauses = append(o.clauses, c)
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	for _, c := range catalogs {
		o.clauses = append(o.clauses, Clause{Catalog: c})
	}
	return o, nil
}

// Clauses returns the clauses in order. The caller must not change them.
func (o *Owners) Clauses() []Clause { return o.clauses }

// Service returns the service that a series belongs to, where the ledger is kept by
// services: the value of its label, if that could be a team's name, else "". It is
// a view of ls.
func (o *Owners) Service(ls series.Labels) string {
	if o.service == "" {
		return ""
	}
	if value := ls.Get(o.service); isName(value) {
		return value
	}
	return ""
}

// isName reports whether the value of a label can name a team or a service.
func isName(v string) bool { return v != "" && len(v) <= MaxTeamBytes && utf8.ValidString(v) }

// Team returns whose the series is and which clause says so, from 0; where none
// does, Unowned and -1. A label decides where its value can be a team: it is not
// empty, at most MaxTeamBytes long, and UTF-8. Team does not allocate: a team
// from a label is a view of ls, and has to be cloned (strings.Clone) by whoever
// keeps it longer than the request that ls points into.
func (o *Owners) Team(ls series.Labels) (team string, clause int) {
	for i := range o.clauses {
		c := &o.clauses[i]
		switch {
		case c.Catalog != nil:
			if v := ls.Get(c.Catalog.config.Join.Label); v != "" {
				if e := c.Catalog.byName[v]; e != nil {
					return e.Team, i
				}
			}
			continue
		case c.Label == "":
			if c.Match.Matches(ls) {
				return c.Team, i
			}
			continue
		}
		if v := ls.Get(c.Label); isName(v) {
			return v, i
		}
	}
	return Unowned, -1
}

// Explain returns whose the series is and why, for people.
func (o *Owners) Explain(ls series.Labels) (team, why string) {
	team, i := o.Team(ls)
	if i < 0 {
		return team, "no clause of attribution.owners decides, nor does a catalog"
	}
	c := o.clauses[i]
	why = fmt.Sprintf("clause %d: %s", i+1, c)
	if c.Catalog == nil {
		return team, why
	}
	e, _ := c.Catalog.Find(ls.Get(c.Catalog.config.Join.Label))
	why += fmt.Sprintf(": %s is owned by %s", e.Entity, e.Owner)
	if e.Via != "" {
		why += " (" + e.Via + ")"
	}
	return team, why + fmt.Sprintf(", at %s:%d", e.File, e.Line)
}
