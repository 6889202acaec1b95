package control

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/headgate/headgate/attribution"
	"github.com/headgate/headgate/internal/auth"
	"github.com/headgate/headgate/internal/store"
	"github.com/headgate/headgate/profiler/inventory"
	"github.com/headgate/headgate/rules"
)

const (
	// maxMoves is how many moves from one team to another are shown, and countedMoves
	// how many are told apart.
	maxMoves     = 100
	countedMoves = 10_000
)

// An OwnersEffect is what a change of owners does to the series that were received
// lately and that no rule drops, of all tenants.
type OwnersEffect struct {
	Change string // of the clauses, in words
	Known  bool   // something is profiled; else there are no figures
	Exact  bool   // every such series is known

	Series         inventory.Estimate
	UnownedBefore  inventory.Estimate // of them
	UnownedAfter   inventory.Estimate
	Moved          inventory.Estimate // series whose team is another one
	MovedPerSecond inventory.Estimate // samples of these, that pass by rules

	Moves []TeamMove // most series first
	More  int        // how many have no row
	Notes []string
}

// A TeamMove are the series that go from one team to another.
type TeamMove struct {
	From, To  string
	Series    inventory.Estimate
	PerSecond inventory.Estimate
}

// TryOwners checks what SetOwners would, and says what would be and what that does.
// Nothing is changed.
func (c *Control) TryOwners(ctx context.Context, entries []OwnerEntry, by Change) (Owners, OwnersEffect, error) {
	if err := c.mayAll(auth.WriteOwners); err != nil {
		return Owners{}, OwnersEffect{}, err
	}
	trial, err := c.tryPolicy(ctx, store.OwnersPolicy, by, draftOwners(entries))
	if err != nil {
		return Owners{}, OwnersEffect{}, err
	}
	e := OwnersEffect{Change: trial.change}
	if c.parts.Profiler == nil {
		e.Notes = append(e.Notes, "Nothing is profiled, so it is not known which series change their team.")
		return trial.is.ownersList(), e, nil
	}
	select {
	case c.previews <- struct{}{}:
		defer func() { <-c.previews }()
	case <-ctx.Done():
		return Owners{}, OwnersEffect{}, ctx.Err()
	}
	moving := newMoving(trial.was.owners, trial.is.owners)
	missed := c.move(ctx, moving)
	if err := ctx.Err(); err != nil {
		return Owners{}, OwnersEffect{}, err
	}
	moving.fill(&e)
	e.Exact = e.Exact && missed == 0
	e.Notes = append(e.Notes, c.ownersNotes(moving, missed)...)
	return trial.is.ownersList(), e, nil
}

// move looks at the series of all tenants, and returns how many tenants there was no
// time for.
func (c *Control) move(ctx context.Context, m *moving) (missed int) {
	now := time.Now()
	until := now.Add(previewTime)
	tenants := c.parts.Profiler.Tenants()
	for i, t := range tenants {
		passes := passing(c.parts.Rules.For(t, now))
		in := true
		c.parts.Profiler.Draw(t, nil, &m.draw, func(string) bool {
			m.count(passes)
			in = ctx.Err() == nil && time.Now().Before(until)
			return in
		})
		if !in {
			return len(tenants) - i
		}
	}
	return 0
}

// ownersNotes says what is to be known besides the figures.
func (c *Control) ownersNotes(m *moving, missed int) []string {
	notes := []string{"Hours that are recorded stay with their teams: series go to another one as they come by."}
	if slices.ContainsFunc(c.parts.Rules.Rules(), func(r *rules.Rule) bool { return r.Team != "" }) {
		notes = append(notes, "Rules that name a team act on the series that come to it, and no longer on those that leave it: that is not in the figures.")
	}
	if missed > 0 {
		notes = append(notes, fmt.Sprintf("There was no time for all series of %d tenants: what is theirs is not, or not all, in the figures.", missed))
	}
	if m.full() {
		notes = append(notes, fmt.Sprintf("There are more than %d moves from one team to another: the rest has no row.", countedMoves))
	}
	return notes
}

// A moving finds series that change their team. It belongs to one goroutine.
type moving struct {
	was, is *attribution.Owners

	draw                       inventory.Draw
	all, before, after, change inventory.Tally
	exact                      bool
	pairs                      map[inventory.GroupKey]bool
	rows                       []movingRow
}

// A movingRow is a row of draw.
type movingRow struct {
	from, to  string
	perSecond float64
	passes    bool
}

func newMoving(was, is *attribution.Owners) *moving {
	return &moving{was: was, is: is, exact: true, pairs: map[inventory.GroupKey]bool{}}
}

func (m *moving) full() bool { return len(m.pairs) >= countedMoves }

// count adds the rows that are drawn of a tenant's metric.
func (m *moving) count(passes func(inventory.Verdict, float64) (float64, bool)) {
	m.exact = m.exact && m.draw.Exact()
	m.rows = m.rows[:0]
	for i := range m.draw.Rows {
		row := &m.draw.Rows[i]
		var r movingRow
		if r.perSecond, r.passes = passes(row.Verdict, row.PerSecond); r.passes {
			r.from, _ = m.was.Team(row.Labels)
			r.to = r.from
			if m.is != m.was {
				r.to, _ = m.is.Team(row.Labels)
			}
		}
		m.rows = append(m.rows, r)
	}
	add := func(t *inventory.Tally, meant func(r *movingRow) bool) {
		m.draw.AddTo(t, 0, func(i int) (inventory.Part, bool) {
			r := &m.rows[i]
			return inventory.Part{PerSecond: r.perSecond}, r.passes && meant(r)
		})
	}
	add(&m.all, func(*movingRow) bool { return true })
	add(&m.before, func(r *movingRow) bool { return r.from == attribution.Unowned })
	add(&m.after, func(r *movingRow) bool { return r.to == attribution.Unowned })
	key := make([]inventory.GroupKey, 1)
	m.draw.AddTo(&m.change, 0, func(i int) (inventory.Part, bool) {
		r := &m.rows[i]
		p := inventory.Part{PerSecond: r.perSecond}
		if key[0] = (inventory.GroupKey{r.from, r.to}); m.tell(key[0]) {
			p.Groups = key
		}
		return p, r.passes && r.from != r.to
	})
}

// tell reports whether a pair of teams is told apart from others.
func (m *moving) tell(k inventory.GroupKey) bool {
	switch {
	case m.pairs[k]:
		return true
	case k[0] == k[1] || m.full():
		return false
	}
	m.pairs[inventory.GroupKey{strings.Clone(k[0]), strings.Clone(k[1])}] = true
	return true
}

// fill puts what was counted into e.
func (m *moving) fill(e *OwnersEffect) {
	change := m.change.Result()
	e.Known, e.Exact = true, m.exact
	e.Series, e.UnownedBefore, e.UnownedAfter = m.all.Result().Series, m.before.Result().Series, m.after.Result().Series
	if m.is != m.was { // else it is certain that nothing moves
		e.Moved, e.MovedPerSecond = change.Series, change.PerSecond
	}
	for i, g := range change.Groups {
		if i == maxMoves {
			e.More = len(change.Groups) - i
			break
		}
		e.Moves = append(e.Moves, TeamMove{g.Values[0], g.Values[1], g.Series, g.PerSecond})
	}
}
