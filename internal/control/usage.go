package control

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/headgate/headgate/internal/store"
	"github.com/headgate/headgate/rules"
	"github.com/headgate/headgate/rules/usage"
)

// How often rules, and the files of queries, are looked at.
const (
	rulesEvery = 5 * time.Second
	filesEvery = 30 * time.Second
)

// A Usage is what alerts, recording rules and dashboards read, as their files say
// it by now. Its methods may be called from any goroutine.
type Usage struct {
	engine  *rules.Engine
	events  *Events
	store   func() BreakStore // nil while the store is not open
	log     *slog.Logger
	current atomic.Pointer[usage.Index]

	mu     sync.Mutex
	config usage.Config
	dir    string // that relative paths start from
	stamp  uint64 // of the files, as they were looked at last

	judging sync.Mutex      // serialises what follows
	told    map[string]bool // the keys of what enforced rules break, and was told
	recall  bool            // what the store knows was told is in told
	judged  *usage.Index    // what told is about
	rules   []*rules.Rule   // likewise
}

// A BreakStore keeps what was told to break, so that it is told once, by one
// process. [store.DB] is one.
type BreakStore interface {
	ToldBreaks(context.Context) (map[string]bool, error)
	TellBreaks(ctx context.Context, keys []string, e Event) error
	ForgetBreaks(ctx context.Context, keys []string) error
}

// breakKey returns what stands for an alert that a rule breaks.
func breakKey(r *rules.Rule, q *usage.Query) string {
	h := sha256.New()
	for _, part := range []string{r.Name, q.File, q.Name, q.Expr} {
		fmt.Fprintf(h, "%q", part)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// NewUsage returns what was read of the files that c names. What enforced rules
// break is told as events; open returns the store of what was told, or nil while
// there is none.
func NewUsage(c usage.Config, dir string, ix *usage.Index, engine *rules.Engine, events *Events, open func() BreakStore, log *slog.Logger) *Usage {
	u := &Usage{engine: engine, events: events, store: open, log: log, told: map[string]bool{}}
	u.Reload(c, dir, ix)
	return u
}

// Index returns what is known of queries.
func (u *Usage) Index() *usage.Index { return u.current.Load() }

// Configured reports whether any files are named.
func (u *Usage) Configured() bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return len(u.config.RuleFiles)+len(u.config.Dashboards) > 0
}

// grafana returns the address that paths of panels follow, or "".
func (u *Usage) grafana() string {
	u.mu.Lock()
	defer u.mu.Unlock()
	return strings.TrimRight(u.config.GrafanaURL, "/")
}

// Reload puts what was read of the files that c names in force.
func (u *Usage) Reload(c usage.Config, dir string, ix *usage.Index) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.config, u.dir = c, dir
	u.put(ix)
}

// put puts ix in force. u.mu is held.
func (u *Usage) put(ix *usage.Index) {
	before := u.current.Swap(ix)
	u.stamp = ix.Stamp()
	ps := ix.Problems()
	if len(ps) == 0 || before != nil && slices.Equal(before.Problems(), ps) {
		return
	}
	const named = 10
	for _, p := range ps[:min(named, len(ps))] {
		u.log.Warn("query is not known: every rule may break it", slog.String("query", p.String()))
	}
	u.events.Add(Event{At: time.Now(), Kind: "usage", Text: fmt.Sprintf(
		"%d queries of rule files and dashboards are not known, and every rule may break them; the first: %.500s", len(ps), ps[0])})
}

// Run reads the files again when they change, and tells when an enforced rule
// breaks an alert, until ctx is done.
func (u *Usage) Run(ctx context.Context) error {
	tick := time.NewTicker(rulesEvery)
	defer tick.Stop()
	for looked := time.Now(); ; {
		u.Recheck(ctx)
		select {
		case <-ctx.Done():
			return nil
		case now := <-tick.C:
			if now.Sub(looked) >= filesEvery {
				looked = now
				u.readAgain()
			}
		}
	}
}

// readAgain reads the files if one of them changed.
func (u *Usage) readAgain() {
	u.mu.Lock()
	c, dir, before := u.config, u.dir, u.stamp
	u.mu.Unlock()
	if usage.Stamp(c, dir) == before {
		return
	}
	ix := usage.Load(c, dir)
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.stamp != before {
		return // a reload was faster
	}
	u.put(ix)
	u.log.Info("rule files and dashboards were read again", slog.Int("queries", len(ix.Queries())))
}

// Recheck tells of every alert that an enforced rule breaks and that was not told
// of, if rules, rule files or dashboards changed. What breaks no more is forgotten.
func (u *Usage) Recheck(ctx context.Context) {
	u.judging.Lock()
	defer u.judging.Unlock()
	ix, now := u.Index(), time.Now()
	var enforced []*rules.Rule
	for _, r := range u.engine.Rules() {
		if r.State(now) == rules.StateActive {
			enforced = append(enforced, r)
		}
	}
	if ix == u.judged && slices.Equal(enforced, u.rules) {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	u.remember(ctx)
	first := u.judged == nil
	u.judged, u.rules = ix, enforced
	still := map[string]bool{}
	for _, r := range enforced {
		var fresh []usage.Break
		var keys []string
		for _, b := range ix.Breaks(r, nil) {
			if b.Query.Kind != usage.Alert || b.Verdict != usage.Breaks {
				continue
			}
			key := breakKey(r, b.Query)
			if !u.told[key] && !still[key] {
				fresh, keys = append(fresh, b), append(keys, key)
			}
			still[key] = true
		}
		if len(fresh) > 0 {
			u.tell(ctx, keys, Event{At: now, Kind: "usage", Tenant: r.Tenant, Team: r.Team, Text: breakText(r, fresh, first)})
		}
	}
	var gone []string
	for key := range u.told {
		if !still[key] {
			gone = append(gone, key)
		}
	}
	u.told = still
	if s := u.store(); s != nil && len(gone) > 0 {
		u.failed(s.ForgetBreaks(ctx, gone))
	}
}

// remember reads what was told before this process began, as soon as that can be
// read. The lock judging is held.
func (u *Usage) remember(ctx context.Context) {
	s := u.store()
	if u.recall || s == nil {
		return
	}
	told, err := s.ToldBreaks(ctx)
	if err != nil {
		u.failed(err)
		return
	}
	u.recall = true
	maps.Copy(u.told, told)
}

// tell tells what the keys stand for. Where the store does not answer it is told
// nevertheless, and after a restart once more. The lock judging is held.
func (u *Usage) tell(ctx context.Context, keys []string, e Event) {
	e = u.events.Numbered(e)
	if s := u.store(); s != nil {
		err := s.TellBreaks(ctx, keys, e)
		if errors.Is(err, store.ErrConflict) {
			return // another process told it
		}
		u.failed(err)
	}
	u.events.Add(e)
}

// failed logs that what was told is not stored.
func (u *Usage) failed(err error) {
	if err != nil {
		u.log.Warn("what rules break may be told again: the store does not keep that it was told", slog.Any("err", err))
	}
}

// breakText says which alerts an enforced rule breaks.
func breakText(r *rules.Rule, fresh []usage.Break, atStart bool) string {
	const named = 5
	var b strings.Builder
	fmt.Fprintf(&b, "rule %s, which is enforced, breaks ", r.Name)
	if !atStart {
		b.WriteString("as of now ")
	}
	if len(fresh) == 1 {
		b.WriteString("the alert ")
	} else {
		fmt.Fprintf(&b, "%d alerts: ", len(fresh))
	}
	for i, f := range fresh[:min(named, len(fresh))] {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%.100q (%s:%d)", f.Query.Name, f.Query.File, f.Query.Line)
	}
	if len(fresh) > named {
		b.WriteString(", …")
	}
	fmt.Fprintf(&b, "; the first since %.500s; change the rule or the alert", fresh[0].Why)
	return b.String()
}
