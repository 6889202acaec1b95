package attribution

import (
	"fmt"

	"github.com/headgate/headgate/internal/tenant"
)

// Overflow is the name that metrics, teams and tenants share that are too many to
// be kept each by its own.
const Overflow = "__overflow__"

// An Outcome is what became of one sample.
type Outcome uint8

// The outcomes. Every sample received has exactly one.
const (
	Forwarded Outcome = iota
	Dropped
	Downsampled
	Shed
	Rejected
	Failed
	Outcomes // how many there are
)

// String returns the outcome's name in metrics, the API and pages.
func (o Outcome) String() string {
	return [...]string{"forwarded", "dropped", "downsampled", "shed", "rejected", "failed"}[o]
}

// Counts are samples by what became of them.
type Counts [Outcomes]uint64

// Received is the number of samples that the outcomes account for.
func (c Counts) Received() uint64 {
	var n uint64
	for _, v := range c {
		n += v
	}
	return n
}

// Add adds d to c.
func (c *Counts) Add(d *Counts) {
	for o := range c {
		c[o] += d[o]
	}
}

// A Key names one cell of the ledger.
type Key struct {
	Hour    Hour
	Tenant  tenant.ID
	Team    string
	Service string // where the ledger is kept by service, too; else ""
	Metric  string
}

// A Cell is what one hour brought of one tenant's team's metric: quantities only,
// so that it can be priced whenever it is asked for. A sum of cells is written as
// a Cell, too; its Hour is the first.
type Cell struct {
	Key
	Samples     Counts
	SeriesHours uint64      // distinct series forwarded in the hour
	Rules       []RuleCount // what rules removed, each rule once; a part of Samples
}

// A RuleCount is what one rule removed of a cell.
type RuleCount struct {
	Rule        string
	Dropped     uint64 // samples
	Downsampled uint64 // samples
	SeriesHours uint64 // distinct series that the rule dropped in the hour
}

// String returns the key for people.
func (k Key) String() string {
	return fmt.Sprintf("%s %s/%s/%s/%s", k.Hour, k.Tenant, k.Team, k.Service, k.Metric)
}
