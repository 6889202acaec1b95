package attribution

import (
	"context"
	"iter"

	"github.com/headgate/headgate/internal/tenant"
)

// A Store remembers the ledger. Several processes may share one. Its methods may
// be called at once, and give up when their context ends.
type Store interface {
	Committer

	// Cells returns the cells that q covers, and maybe others of the same hours, by
	// hour, or an error in place of the rest. A Cell may be the sum of several of one
	// tenant, team and month, or where q groups by day, of one day, between whose hours
	// none of changes lies: the hours at which a price begins (Tariff.Changes), and
	// others at which the caller cuts, sorted. It is the sum of all their
	// services and metrics, whose fields are then empty, unless q groups by them or
	// names one, and of all their rules, in one without a name, unless q groups by
	// rules. A sum of the cells of 20 000 metrics is 200 teams' cost at a hundredth
	// of the work. Cells of unsettled hours count what their sketches count by then.
	// Days of closed months may be in the store as sums alone: their cells are all
	// in the first of their hours.
	Cells(ctx context.Context, q Query, changes []Hour) iter.Seq2[Cell, error]

	// Settle makes numbers of the sketches of every hour before h. They stay:
	// series that come for a cell with a number are not counted any more; its
	// samples are.
	Settle(ctx context.Context, h Hour) error

	// Close records that a month is closed; again is no error and changes nothing.
	// Nothing is added to it from then on.
	Close(ctx context.Context, c Closing) error

	// Closings returns the closed months, oldest first.
	Closings(ctx context.Context) ([]Closing, error)

	// Adjustments returns those made in [from, to), with what samples cost, at the
	// month's prices, that were stored after it was closed.
	Adjustments(ctx context.Context, from, to Hour) ([]Adjustment, error)
}

// A Committer stores batches.
type Committer interface {
	// Commit adds b to what is stored and notes its writer and sequence, both in
	// one transaction. What is noted already changes nothing and is no error: an
	// error leaves open whether b was stored, so that b is committed again. A
	// writer sends one batch at a time, with sequences that count up from 1, so
	// that its newest is all there is to note. Samples of a closed month are kept
	// for Adjustments.
	Commit(ctx context.Context, b *Batch) error
}

// A Batch is what a flush stores. It never changes once it was made.
type Batch struct {
	Writer   string // this process's, of all that share the store
	Sequence uint64
	Deltas   []Delta // sorted by key, each key once
}

// A Delta is what a batch adds to one cell.
type Delta struct {
	Key
	Samples Counts
	Series  []byte      // a Sketch of the series forwarded; nil where there are none
	Rules   []RuleDelta // sorted by rule, each rule once
}

// A RuleDelta is what a batch adds to what one rule removed of a cell.
type RuleDelta struct {
	Rule        string
	Dropped     uint64
	Downsampled uint64
	Series      []byte // a Sketch of the series that the rule dropped; nil where there are none
}

// OverflowTenant is whose cells are those of tenants that are too many.
const OverflowTenant tenant.ID = Overflow
