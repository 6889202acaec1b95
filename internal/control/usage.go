package control

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/headgate/headgate/gateway"
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
	tell    func(gateway.Event)
	log     *slog.Logger
	current atomic.Pointer[usage.Index]

	mu     sync.Mutex
	config usage.Config
	dir    string            // that relative paths start from
	stamp  uint64            // of the files, as they were looked at last
	told   map[breakage]bool // what enforced rules break, and was told
	judged *usage.Index      // what told is about
	rules  []*rules.Rule     // likewise
}

// A breakage is an alert that a rule breaks.
type breakage struct{ rule, file, alert, expr string }

// NewUsage returns what was read of the files that c names. It says to tell what
// enforced rules break.
func NewUsage(c usage.Config, dir string, ix *usage.Index, engine *rules.Engine, tell func(gateway.Event), log *slog.Logger) *Usage {
	u := &Usage{engine: engine, tell: tell, log: log, told: map[breakage]bool{}}
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
	u.tell(gateway.Event{At: time.Now(), Kind: "usage", Text: fmt.Sprintf(
		"%d queries of rule files and dashboards are not known, and every rule may break them; the first: %.500s", len(ps), ps[0])})
}

// Run reads the files again when they change, and tells when an enforced rule
// breaks an alert, until ctx is done.
func (u *Usage) Run(ctx context.Context) error {
	tick := time.NewTicker(rulesEvery)
	defer tick.Stop()
	for looked := time.Now(); ; {
		u.Recheck()
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
func (u *Usage) Recheck() {
	u.mu.Lock()
	defer u.mu.Unlock()
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
	first := u.judged == nil
	u.judged, u.rules = ix, enforced
	told := map[breakage]bool{}
	for _, r := range enforced {
		var fresh []usage.Break
		for _, b := range ix.Breaks(r, nil) {
			if b.Query.Kind != usage.Alert || b.Verdict != usage.Breaks {
				continue
			}
			key := breakage{r.Name, b.Query.File, b.Query.Name, b.Query.Expr}
			if !u.told[key] && !told[key] {
				fresh = append(fresh, b)
			}
			told[key] = true
		}
		if len(fresh) > 0 {
			u.tell(gateway.Event{At: now, Kind: "usage", Tenant: r.Tenant, Text: breakText(r, fresh, first)})
		}
	}
	u.told = told
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
