package signin

import (
	"net/http"
	"sync"
	"time"

	"github.com/headgate/headgate/internal/auth"
)

// A Passage is that somebody signed in or out, or tried to, for a record.
type Passage struct {
	At   time.Time
	Kind PassageKind
	User string // who is meant; "" where nobody has the name, or none is known
	From string // the address; "" for several
	By   string // ByPassword, or the issuer of the identity provider

	// Of Refused alone.
	Attempts int    // how many in one
	Reason   string // of the last of them
}

// A PassageKind is what kind of passage one is.
type PassageKind int

// The kinds of passages.
const (
	SignedIn PassageKind = iota
	SignedOut
	Refused
)

// ByPassword is how users of the configuration sign in.
const ByPassword = "password"

const (
	// refusalWindow is for how long refused attempts of a kind are one passage, but
	// for the first of them.
	refusalWindow = 15 * time.Minute

	// maxRefusals is how many kinds of attempts are told apart in a window: what
	// strangers can make somebody write down is twice as much, and one more.
	maxRefusals = 30

	// refusalsEvery is how often is looked whether a window is over.
	refusalsEvery = time.Minute
)

// A refusal is what attempts have in common that are one passage.
type refusal struct{ user, network, by string }

// refusals bound what is recorded of attempts to sign in that do not succeed: the
// first of a user from a network is a passage at once, those after it are another one
// when the window is over. They may be used from any goroutine.
type refusals struct {
	record func(Passage)

	mu    sync.Mutex
	until time.Time // when the window is over
	after map[refusal]*Passage
	rest  Passage // those that are not told apart
}

func newRefusals(record func(Passage)) *refusals {
	return &refusals{record: record, after: map[refusal]*Passage{}}
}

// add notes one attempt.
func (rs *refusals) add(p Passage) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	if !p.At.Before(rs.until) {
		rs.close()
		rs.until = p.At.Add(refusalWindow)
	}
	p.Kind, p.Attempts = Refused, 1
	key := refusal{p.User, auth.Network(p.From), p.By}
	is := rs.after[key]
	switch {
	case is == nil && len(rs.after) >= maxRefusals:
		rs.rest = Passage{At: p.At, Kind: Refused, Attempts: rs.rest.Attempts + 1, Reason: "of other users or from other addresses, too many to tell apart; the last: " + p.Reason}
	case is == nil:
		rs.after[key] = &Passage{}
		rs.record(p)
	default:
		p.Attempts += is.Attempts
		*is = p
	}
}

// sweep records what came in a window that is over by now.
func (rs *refusals) sweep(now time.Time) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	if !now.Before(rs.until) {
		rs.close()
	}
}

// end records what is left.
func (rs *refusals) end() {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	rs.close()
}

// close ends the window. The lock is held.
func (rs *refusals) close() {
	for _, p := range rs.after {
		if p.Attempts > 0 {
			rs.record(*p)
		}
	}
	if rs.rest.Attempts > 0 {
		rs.record(rs.rest)
	}
	clear(rs.after)
	rs.rest, rs.until = Passage{}, time.Time{}
}

// pass records that somebody signed in or out.
func (si *SignIn) pass(kind PassageKind, r *http.Request, id identity) {
	p := Passage{At: time.Now(), Kind: kind, User: id.actorName(), From: address(r), By: ByPassword}
	if id.Issuer != "" {
		p.By = id.Issuer
	}
	si.parts.Record(p)
}

// actorName is the name under which somebody acts.
func (id identity) actorName() string {
	if id.Issuer == "" {
		return id.Name
	}
	return "oidc:" + id.Name
}
