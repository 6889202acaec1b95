package attribution

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/prometheus/common/model"

	"github.com/headgate/headgate/internal/tenant"
)

// LedgerConfig is the ledger key of the attribution section.
type LedgerConfig struct {
	FlushInterval    model.Duration `yaml:"flush_interval"`     // a crash loses no more
	MaxCells         int            `yaml:"max_cells"`          // of a tenant in an hour; the smallest beyond share one name
	MaxTeams         int            `yaml:"max_teams"`          // of a tenant in an hour that keep a name of their own beyond max_cells
	MaxBufferedCells int            `yaml:"max_buffered_cells"` // that wait for the store, about 400 bytes each
	Retention        model.Duration `yaml:"retention"`          // of cells in the store
	ServiceLabel     string         `yaml:"service_label"`      // cells are kept by its values, too; "": by none
}

func defaultLedger() LedgerConfig {
	return LedgerConfig{
		FlushInterval:    model.Duration(5 * time.Second),
		MaxCells:         50_000,
		MaxTeams:         1000,
		MaxBufferedCells: 200_000,
		Retention:        model.Duration(400 * 24 * time.Hour), // thirteen months: a year and the month to compare it with
	}
}

// Validate returns all that is wrong with c.
func (c LedgerConfig) Validate() error {
	var errs []error
	if d := time.Duration(c.FlushInterval); d < 100*time.Millisecond || d > 5*time.Minute {
		errs = append(errs, fmt.Errorf("flush_interval: %s is not between 100ms and 5m", d))
	}
	for _, n := range []struct {
		key   string
		value int
	}{{"max_cells", c.MaxCells}, {"max_teams", c.MaxTeams}, {"max_buffered_cells", c.MaxBufferedCells}} {
		if n.value < 1 {
			errs = append(errs, fmt.Errorf("%s: %d is not positive", n.key, n.value))
		}
	}
	if d := time.Duration(c.Retention); d < 62*24*time.Hour {
		errs = append(errs, fmt.Errorf("retention: %s is less than 62 days; this month and the one before must stay", c.Retention))
	}
	return errors.Join(errs...)
}

// maxBooks bounds the tenants × hours that wait for the store.
const maxBooks = 10_000

// An Entry is what happened to the samples of one team's metric, in one request
// or since the last Entry. It is read, not kept.
type Entry struct {
	Team, Service, Metric string // may point into a request: what is kept is cloned
	Samples               Counts
	Series                []uint64 // hashes of series forwarded: each at least once an hour, more often does no harm
	Rules                 []RuleEntry
}

// A RuleEntry is what one rule removed of an Entry.
type RuleEntry struct {
	Rule                 string
	Dropped, Downsampled uint64   // samples
	Series               []uint64 // hashes of series that the rule drops, likewise
}

// A Ledger gathers what happens until it is stored. Post may be called by any
// number of goroutines, and never waits for the store.
//
// What waits is bounded. Beyond MaxBufferedCells new names are added to a cell
// named __overflow__ of the same hour, tenant and team, and where these are too
// many, to one of the hour and tenant; at the next flush that fails, so is the
// smaller half of the others, which makes room again. No sample is lost thereby.
type Ledger struct {
	config    LedgerConfig
	sketching Sketching

	mu     sync.Mutex
	shelf  shelf
	status Status

	flushing sync.Mutex // held while a flush is under way; guards what follows
	rosters  map[tenant.ID]*roster
	pending  *Batch
	cut      time.Time // when pending was cut off
	writer   string
	sequence uint64
}

// NewLedger returns a Ledger whose batches are writer's. No other process, and no
// earlier run of this one, may have had that name.
func NewLedger(c LedgerConfig, writer string, s Sketching) *Ledger {
	return &Ledger{config: c, sketching: s, writer: writer, shelf: newShelf(), rosters: map[tenant.ID]*roster{}}
}

// Post adds entries of a tenant to an hour: the one in which they were received.
func (l *Ledger) Post(t tenant.ID, h Hour, entries []Entry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.shelf.book(bookKey{h, t})
	for i := range entries {
		e := &entries[i]
		c := b.cells[name{e.Team, e.Service, e.Metric}]
		if c == nil {
			c = l.open(b, name{e.Team, e.Service, e.Metric}, e)
		}
		l.post(c, e)
		l.status.Waiting += e.Samples.Received()
	}
}

// open returns a new cell called n, or where there are too many, the one that n
// is added to. It does not look for a better one: senders wait.
func (l *Ledger) open(b *book, n name, e *Entry) *cell {
	if most := l.config.MaxBufferedCells; l.shelf.cells >= most {
		n = n.overflow()
		if l.shelf.cells >= most+most/8 {
			n = overflowing
		}
		l.status.Folded += e.Samples.Received()
	}
	return l.shelf.cell(b, n)
}

func (l *Ledger) post(c *cell, e *Entry) {
	c.samples.Add(&e.Samples)
	l.insert(&c.series, e.Series)
	for i := range e.Rules {
		r := &e.Rules[i]
		into := c.rule(r.Rule)
		into.dropped += r.Dropped
		into.downsampled += r.Downsampled
		l.insert(&into.series, r.Series)
	}
}

func (l *Ledger) insert(s *Sketch, hashes []uint64) {
	if len(hashes) > 0 && *s == nil {
		*s = l.sketching.New()
	}
	for _, h := range hashes {
		(*s).Insert(h)
	}
}
