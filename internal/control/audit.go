package control

import (
	"context"
	"encoding/json"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"github.com/headgate/headgate/internal/auth"
	"github.com/headgate/headgate/internal/store"
)

// An AuditEntry is one change that somebody made.
type AuditEntry = store.AuditEntry

// An AuditStore keeps the audit. [store.DB] is one.
type AuditStore interface {
	AppendAudit(context.Context, AuditEntry) (AuditEntry, error)
	Audit(context.Context, store.AuditQuery) ([]AuditEntry, error)
}

// maxPendingAudit is how many entries wait for the store.
const maxPendingAudit = 1000

// Audits are the record of who changed what. What is changed in the store is
// recorded there with the change; what must work without it waits here. They may
// be used from any goroutine; their Run stores what waits.
type Audits struct {
	store func() AuditStore // nil while the store is not open
	log   *slog.Logger
	wake  chan struct{}

	mu      sync.Mutex
	pending []AuditEntry
	failing bool
}

// NewAudits returns Audits in which nothing waits. open returns the store, or nil
// while there is none.
func NewAudits(open func() AuditStore, log *slog.Logger) *Audits {
	return &Audits{store: open, log: log, wake: make(chan struct{}, 1)}
}

// add records a change that was made outside of the store, as soon as it can be.
func (as *Audits) add(e AuditEntry) {
	as.mu.Lock()
	defer as.mu.Unlock()
	if len(as.pending) >= maxPendingAudit {
		as.log.Error("change is not audited: too many wait for the store", slog.String("verb", e.Verb), slog.String("who", e.Who), slog.String("object", e.Object))
		return
	}
	as.pending = append(as.pending, e)
	select {
	case as.wake <- struct{}{}:
	default:
	}
}

// Add records what is no change of anybody's that is known, such as a sign-in. It
// leaves room for changes: where half of it is taken, it is logged instead.
func (as *Audits) Add(e AuditEntry) {
	as.mu.Lock()
	full := len(as.pending) >= maxPendingAudit/2
	as.mu.Unlock()
	if full {
		as.log.Error("not audited: too many wait for the store", slog.String("verb", e.Verb), slog.String("object", e.Object), slog.String("from", e.From))
		return
	}
	as.add(e)
}

// Run stores what waits until ctx is done, and then what still does.
func (as *Audits) Run(ctx context.Context) error {
	tick := time.NewTicker(refreshEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			as.flush(context.WithoutCancel(ctx))
			as.giveUp()
			return nil
		case <-as.wake:
		case <-tick.C:
		}
		as.flush(ctx)
	}
}

// giveUp logs what the store did not take until the end.
func (as *Audits) giveUp() {
	as.mu.Lock()
	defer as.mu.Unlock()
	for _, e := range as.pending {
		as.log.Error("change is not audited: the store did not answer until the end", slog.String("verb", e.Verb), slog.String("who", e.Who), slog.String("from", e.From), slog.Time("at", e.At), slog.String("reason", e.Reason))
	}
}

// flush stores what waits, in order.
func (as *Audits) flush(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	for {
		as.mu.Lock()
		if len(as.pending) == 0 {
			as.mu.Unlock()
			return
		}
		e := as.pending[0]
		as.mu.Unlock()
		s := as.store()
		if s == nil {
			return
		}
		_, err := s.AppendAudit(ctx, e)
		as.mu.Lock()
		if err == nil {
			as.pending = as.pending[1:]
		} else if !as.failing {
			as.log.Error("changes are not audited yet: they wait for the store", slog.Int("waiting", len(as.pending)), slog.Any("err", err))
		}
		as.failing = err != nil
		as.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// audit returns ctx for one change of the store: the transaction that makes it
// also records e, or is not made. Who, where and when are filled in.
func (c *Control) audit(ctx context.Context, e AuditEntry) context.Context {
	return store.WithAudit(ctx, c.signed(e))
}

// auditOutside records a change of what is not in the store.
func (c *Control) auditOutside(e AuditEntry) {
	if c.parts.Audits != nil {
		c.parts.Audits.add(c.signed(e))
	}
}

// signed returns e with who it is that asks.
func (c *Control) signed(e AuditEntry) AuditEntry {
	e.At, e.Who, e.From = time.Now(), c.actor.Name, c.actor.From
	return e
}

// jsonOf returns v for the record; nil where it cannot be written.
func jsonOf(v any) json.RawMessage {
	b, err := json.Marshal(v)
	if err != nil {
		return nil
	}
	return b
}

// An AuditQuery says which entries are meant. What is zero restricts nothing.
type AuditQuery struct {
	Who, Object, Tenant string
	Verb                string    // such as rule.save, or rule for all that begin so
	Team                string    // that what was, or what became, names as its team
	From, To            time.Time // From belongs to the entries meant, To does not
	Limit               int       // 100 where it is 0, 1000 at most
	Cursor              string    // the Next of the page before
}

// An AuditPage is one page of entries, newest first.
type AuditPage struct {
	Entries []AuditEntry
	Next    string // cursor of the next page; "" where there is none
}

// Audit returns who changed what.
func (c *Control) Audit(ctx context.Context, q AuditQuery) (AuditPage, error) {
	t, err := c.tenantOrAll(auth.ReadAudit, q.Tenant)
	if err != nil {
		return AuditPage{}, err
	}
	before, err := numberCursor(q.Cursor)
	if err != nil {
		return AuditPage{}, err
	}
	s := c.auditStore()
	if s == nil {
		return AuditPage{}, errUnread
	}
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	page := AuditPage{}
	page.Entries, err = s.Audit(ctx, store.AuditQuery{
		Who: q.Who, Verb: q.Verb, Object: q.Object, Tenant: t, Team: q.Team, From: q.From, To: q.To, Before: before, Limit: q.Limit,
	})
	if err != nil {
		c.parts.Audits.log.Error("the audit is not read", slog.Any("err", err))
		return AuditPage{}, errUnread
	}
	if n := len(page.Entries); n > 0 && n >= pageSize(q.Limit) && page.Entries[n-1].Sequence > 1 {
		page.Next = strconv.FormatInt(page.Entries[n-1].Sequence, 10)
	}
	return page, nil
}

func (c *Control) auditStore() AuditStore {
	if c.parts.Audits == nil {
		return nil
	}
	return c.parts.Audits.store()
}

// pageSize is how many entries a page holds where limit is asked for.
func pageSize(limit int) int {
	if limit <= 0 {
		return 100
	}
	return min(limit, 1000)
}

// numberCursor parses a cursor that is the number of the last entry of the page
// before; 0 for none.
func numberCursor(text string) (int64, error) {
	if text == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 1 {
		return 0, &Invalid{"cursor", "it is none that a page before gave; leave it out to begin anew"}
	}
	return n, nil
}
