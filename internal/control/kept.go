package control

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/headgate/headgate/internal/tenant"
	"github.com/headgate/headgate/rules"
)

const (
	// keptTimes is how much longer an answer is kept than it took to find: asking for
	// it again and again takes a twentieth of a processor at most.
	keptTimes = 20

	// keptAtMost is how old an answer may be, whatever it took.
	keptAtMost = time.Minute

	// worthKeeping is what an answer has to take: others are found anew.
	worthKeeping = 50 * time.Millisecond

	// maxKept is how many answers are kept, and maxKeptRows how many rows they have
	// together, of some 200 bytes each.
	maxKept     = 128
	maxKeptRows = 200_000
)

// A question is what an answer depends on, besides what goes on. Who may do the same
// of the same tenants and teams gets the same answer.
type question struct {
	what, text string
	tenant     tenant.ID
	rights     string
	policies   *policySet
	rules      *rules.Policy
}

// kept are answers that took long to find, for pages: who asks the same while one is
// being found waits for it, and who asks soon after gets it. Who may ask is checked
// before. What they hold is never changed.
type kept struct {
	mu      sync.Mutex
	answers map[question]*answer
	rows    int
}

// An answer is what a question was answered.
type answer struct {
	done  chan struct{} // closed when the rest is there, which then stays
	until time.Time     // it is kept
	value any
	rows  int // it has
	ok    bool
}

// recently returns find's answer to a question about a tenant, "" for none, or one
// that is kept of it where that will do. rows says how much it would be to keep.
func recently[T any](ctx context.Context, c *Control, what string, about any, t tenant.ID, rows func(T) int, find func() (T, error)) (T, error) {
	if !c.recent {
		return find()
	}
	q := question{what: what, text: fmt.Sprintf("%#v", about), tenant: t, rights: fmt.Sprintf("%q %q %q", c.actor.Role, c.actor.Tenants, c.actor.Teams)}
	if c.parts.Policies != nil {
		q.policies = c.parts.Policies.current.Load()
	}
	if c.parts.Rules != nil {
		q.rules = c.parts.Rules.For(t, time.Now())
	}
	return ask(ctx, c.kept, q, rows, find)
}

// few are the rows of an answer that is small.
func few[T any](T) int { return 100 }

// ask returns the answer to q that is kept, or finds it. An error is never kept.
func ask[T any](ctx context.Context, k *kept, q question, rows func(T) int, find func() (T, error)) (T, error) {
	a, mine := k.look(q, time.Now())
	if !mine {
		select {
		case <-a.done:
		case <-ctx.Done():
			var none T
			return none, ctx.Err()
		}
		if a.ok {
			return a.value.(T), nil
		}
		return find()
	}
	begin := time.Now()
	defer close(a.done) // whatever happens
	v, err := find()
	n := 0
	if err == nil {
		n = rows(v)
	}
	k.note(q, a, v, n, err == nil, begin, time.Now())
	return v, err
}

// look returns the answer to q: one that is kept or being found, or a new one that
// the caller has to find.
func (k *kept) look(q question, now time.Time) (a *answer, mine bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	a = k.answers[q]
	if a != nil && (a.until.IsZero() || now.Before(a.until)) {
		return a, false
	}
	for of, old := range k.answers {
		if !old.until.IsZero() && !now.Before(old.until) {
			k.forget(of, old)
		}
	}
	a = &answer{done: make(chan struct{})}
	if k.answers == nil {
		k.answers = map[question]*answer{}
	}
	k.answers[q] = a
	return a, true
}

// note puts what was found into a, and keeps it where it is worth it and small enough.
func (k *kept) note(q question, a *answer, value any, rows int, ok bool, begin, end time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	a.value, a.ok, a.rows = value, ok, rows
	took := end.Sub(begin)
	k.rows += rows
	a.until = begin.Add(took + min(keptTimes*took, keptAtMost))
	if !ok || took < worthKeeping {
		k.forget(q, a)
		return
	}
	for of, old := range k.answers {
		if k.rows <= maxKeptRows && len(k.answers) <= maxKept {
			break
		}
		if old != a && !old.until.IsZero() {
			k.forget(of, old)
		}
	}
	if k.rows > maxKeptRows {
		k.forget(q, a)
	}
}

// forget lets go of an answer that is there.
func (k *kept) forget(q question, a *answer) {
	if k.answers[q] == a {
		delete(k.answers, q)
		k.rows -= a.rows
	}
}
