package rules

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/headgate/headgate/internal/tenant"
)

// An Engine holds the rules of all tenants. Load swaps them whole while any
// number of goroutines ask For policies.
type Engine struct {
	mu      sync.Mutex // serialises Load
	current atomic.Pointer[generation]
}

// A generation is the outcome of one Load.
type generation struct {
	loaded []*Rule // as Load got them
	rules  []*Rule // the same by content; objects of earlier generations where unchanged
	byName map[string]*Rule
	named  map[tenant.ID]*slot // tenants that some rule names
	others slot                // one for all others, however many there are
}

// A slot holds the policy of one tenant, or of all that no rule names.
type slot struct {
	policy atomic.Pointer[Policy]
	mu     sync.Mutex // serialises compiling
	before *Policy    // of the generation before; guarded by mu
}

// NewEngine returns an Engine without rules, which keeps everything.
func NewEngine() *Engine {
	e := &Engine{}
	e.current.Store(&generation{named: map[tenant.ID]*slot{}})
	return e
}

// Load replaces all rules at once; their order is their precedence. Two rules of
// one name are refused, and then everything stays as it was. A rule whose content
// is that of a loaded one of the same name is the same *Rule from then on.
func (e *Engine) Load(rs []*Rule) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	old := e.current.Load()
	g := &generation{
		loaded: slices.Clone(rs),
		rules:  make([]*Rule, len(rs)),
		byName: make(map[string]*Rule, len(rs)),
		named:  map[tenant.ID]*slot{},
	}
	for i, r := range rs {
		if first := g.byName[r.Name]; first != nil {
			return fmt.Errorf("rule %q is there twice: %s and %s; rename one", r.Name, first.place(), r.place())
		}
		g.byName[r.Name] = r
		g.rules[i] = r
		if r.Tenant != "" && g.named[r.Tenant] == nil {
			g.named[r.Tenant] = &slot{}
		}
	}
	for i, r := range g.rules {
		if o := old.byName[r.Name]; o != nil && same(o, r) {
			g.rules[i], g.byName[r.Name] = o, o
		}
	}
	g.others.before = old.others.last()
	for t, s := range g.named {
		if o := old.named[t]; o != nil {
			s.before = o.last()
		}
	}
	e.current.Store(g)
	return nil
}

// Rules returns the rules as they were loaded last, in order, with the places
// where they live now: a *Rule of a policy may be older than its file's last
// change. The caller must not change the slice.
func (e *Engine) Rules() []*Rule { return e.current.Load().loaded }

// For returns the policy of t at now. It is the same object until the tenant's
// rules change or one of them expires. For does not allocate, except for the
// first caller after a change.
func (e *Engine) For(t tenant.ID, now time.Time) *Policy {
	g := e.current.Load()
	s := &g.others
	if len(g.named) > 0 {
		if n := g.named[t]; n != nil {
			s = n
		}
	}
	if p := s.policy.Load(); p != nil && p.valid(now) {
		return p
	}
	return s.compile(g, t, now)
}

// valid reports whether no rule of p has expired at now.
func (p *Policy) valid(now time.Time) bool { return p.until.IsZero() || now.Before(p.until) }

// compile sets the slot's policy to that of t at now.
func (s *slot) compile(g *generation, t tenant.ID, now time.Time) *Policy {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p := s.policy.Load(); p != nil && p.valid(now) {
		return p
	}
	rs := tenantRules(g.rules, t)
	p := s.before
	s.before = nil
	if p == nil || !p.valid(now) || !slices.Equal(p.rules, rs) {
		p = compile(rs, now)
	}
	s.policy.Store(p)
	return p
}

// tenantRules returns those of rs that are for t, in order.
func tenantRules(rs []*Rule, t tenant.ID) []*Rule {
	var out []*Rule
	for _, r := range rs {
		if r.For(t) {
			out = append(out, r)
		}
	}
	return out
}

// last returns the newest policy that s knows of, or nil.
func (s *slot) last() *Policy {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p := s.policy.Load(); p != nil {
		return p
	}
	return s.before
}

// place returns where r lives, for people.
func (r *Rule) place() string {
	if r.File == "" {
		return "in no file"
	}
	return fmt.Sprintf("%s:%d", r.File, r.Line)
}
