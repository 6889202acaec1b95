package auth

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"
)

// Why a token is not taken.
var (
	ErrToken     = errors.New("the token is not taken")                                         // wrong, over or revoked
	ErrUnchecked = errors.New("tokens cannot be checked: the store is out of reach; try later") // nothing is known of it
	ErrTooMany   = errors.New("there are too many tokens")
	ErrNoStore   = errors.New("the store is not open")
)

// A TokenStore keeps tokens.
type TokenStore interface {
	// TokenRevision returns a number that every change of tokens changes.
	TokenRevision(context.Context) (int64, error)
	Tokens(context.Context) ([]Token, error)
	AddToken(context.Context, Token) (Token, error)
	// DeleteToken reports whether there was one.
	DeleteToken(ctx context.Context, id string) (bool, error)
	// TokenUsed notes that a token was used, unless a later use is noted.
	TokenUsed(ctx context.Context, id string, at time.Time) error
}

const (
	// tokensEvery is how often the store is asked for changes: what another process
	// revokes is over within a second.
	tokensEvery = time.Second

	// tokensTimeout is how long a question to the store may take.
	tokensTimeout = 5 * time.Second

	// tokensTrust is how long tokens that are known go on while the store does not
	// answer. Whatever is revoked elsewhere meanwhile is not known here.
	tokensTrust = 15 * time.Minute

	// maxTokens bounds what every process holds in memory.
	maxTokens = 10_000

	// usedEvery is how exact it is noted when a token was used.
	usedEvery = time.Hour
)

// Tokens recognise scripts. They are held in memory as a whole: no request waits
// for the store. Their methods may be called from any goroutine.
type Tokens struct {
	store func() TokenStore // nil while the store is not open
	log   *slog.Logger

	changing sync.Mutex // serialises what reads the store for what follows

	mu       sync.RWMutex
	byDigest map[Digest]Token
	revision int64     // of the store, that byDigest holds
	asOf     time.Time // when the store was last heard; zero: never
	used     map[string]time.Time
	failing  bool
}

// NewTokens returns Tokens that know none yet.
func NewTokens(open func() TokenStore, log *slog.Logger) *Tokens {
	return &Tokens{store: open, log: log, revision: -1, used: map[string]time.Time{}}
}

// Actor returns who asks with a secret, from an address: an [ErrToken] where the
// secret is none, [ErrUnchecked] where that cannot be said.
func (ts *Tokens) Actor(secret, from string) (Actor, error) {
	digest, err := parseSecret(secret)
	if err != nil {
		return Actor{}, err
	}
	now := time.Now()
	ts.mu.RLock()
	t, known := ts.byDigest[digest]
	asOf, used := ts.asOf, ts.used[t.ID]
	ts.mu.RUnlock()
	switch {
	case now.Sub(asOf) > tokensTrust:
		return Actor{}, ErrUnchecked
	case !known || subtle.ConstantTimeCompare(digest[:], t.Digest[:]) != 1:
		return Actor{}, fmt.Errorf("%w: it is unknown or was revoked; ask an admin for another", ErrToken)
	case t.Expired(now):
		return Actor{}, fmt.Errorf("%w: it expired; ask an admin for another", ErrToken)
	}
	if now.Sub(t.UsedAt) >= usedEvery && now.Sub(used) >= usedEvery {
		ts.mu.Lock()
		ts.used[t.ID] = now
		ts.mu.Unlock()
	}
	return t.actor(from), nil
}

// Run keeps up with the store until ctx is done.
func (ts *Tokens) Run(ctx context.Context) error {
	tick := time.NewTicker(tokensEvery)
	defer tick.Stop()
	for {
		ts.Refresh(ctx)
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// Refresh reads what changed in the store, and notes there which tokens were used.
func (ts *Tokens) Refresh(ctx context.Context) {
	ts.changing.Lock()
	defer ts.changing.Unlock()
	s := ts.store()
	if s == nil {
		return
	}
	err := ts.refresh(ctx, s)
	if err == nil {
		err = ts.noteUse(ctx, s)
	}
	if err != nil && !ts.failing && ctx.Err() == nil {
		ts.log.Error("tokens are not read from the store: those that are known go on for a while", slog.Duration("for", tokensTrust), slog.Any("err", err))
	}
	ts.failing = err != nil
}

// refresh reads the tokens where they changed. The caller holds changing.
func (ts *Tokens) refresh(ctx context.Context, s TokenStore) error {
	ctx, cancel := context.WithTimeout(ctx, tokensTimeout)
	defer cancel()
	now := time.Now()
	// The revision first: a change after it is found the next time.
	revision, err := s.TokenRevision(ctx)
	if err != nil {
		return err
	}
	byDigest := ts.byDigest
	if revision != ts.revision {
		list, err := s.Tokens(ctx)
		if err != nil {
			return err
		}
		byDigest = make(map[Digest]Token, len(list))
		for _, t := range list {
			byDigest[t.Digest] = t
		}
	}
	ts.mu.Lock()
	defer ts.mu.Unlock()
	if revision != ts.revision {
		used := map[string]time.Time{} // of tokens that still are
		for _, t := range byDigest {
			if at, ok := ts.used[t.ID]; ok {
				used[t.ID] = at
			}
		}
		ts.used = used
	}
	ts.byDigest, ts.revision, ts.asOf = byDigest, revision, now
	return nil
}

// noteUse notes in the store which tokens were used. The caller holds changing.
func (ts *Tokens) noteUse(ctx context.Context, s TokenStore) error {
	ts.mu.Lock()
	pending := map[Digest]Token{}
	for digest, t := range ts.byDigest {
		if at := ts.used[t.ID]; at.Sub(t.UsedAt) >= usedEvery {
			t.UsedAt = at
			pending[digest] = t
		}
	}
	ts.mu.Unlock()
	for digest, t := range pending {
		ctx, cancel := context.WithTimeout(ctx, tokensTimeout)
		err := s.TokenUsed(ctx, t.ID, t.UsedAt)
		cancel()
		if err != nil {
			return err
		}
		ts.mu.Lock()
		delete(ts.used, t.ID)
		ts.byDigest[digest] = t
		ts.mu.Unlock()
	}
	return nil
}

// List returns the tokens of the store, oldest first.
func (ts *Tokens) List(ctx context.Context) ([]Token, error) {
	s := ts.store()
	if s == nil {
		return nil, ErrNoStore
	}
	ctx, cancel := context.WithTimeout(ctx, tokensTimeout)
	defer cancel()
	list, err := s.Tokens(ctx)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(list, func(a, b Token) int {
		if c := a.CreatedAt.Compare(b.CreatedAt); c != 0 {
			return c
		}
		return slices.Compare([]byte(a.ID), []byte(b.ID))
	})
	return list, nil
}

// Add makes a token as t says, which is valid, and returns it with its secret. The
// token is taken from now on.
func (ts *Tokens) Add(ctx context.Context, t Token) (Token, string, error) {
	ts.changing.Lock()
	defer ts.changing.Unlock()
	list, err := ts.List(ctx)
	if err != nil {
		return Token{}, "", err
	}
	if len(list) >= maxTokens {
		return Token{}, "", ErrTooMany
	}
	s := ts.store()
	if s == nil {
		return Token{}, "", ErrNoStore
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), tokensTimeout)
	defer cancel()
	secret, digest := NewSecret()
	t.Digest = digest
	if t, err = s.AddToken(ctx, t); err != nil {
		return Token{}, "", err
	}
	return t, secret, ts.refresh(ctx, s)
}

// Log says that a question to the store failed.
func (ts *Tokens) Log(err error) {
	ts.log.Error("the store does not answer about tokens", slog.Any("err", err))
}

// Find returns the token of that id.
func (ts *Tokens) Find(ctx context.Context, id string) (Token, bool, error) {
	list, err := ts.List(ctx)
	if err != nil {
		return Token{}, false, err
	}
	i := slices.IndexFunc(list, func(t Token) bool { return t.ID == id })
	if i < 0 {
		return Token{}, false, nil
	}
	return list[i], true, nil
}

// Revoke ends a token, and reports whether there was one. It is refused from now
// on, by other processes within a second.
func (ts *Tokens) Revoke(ctx context.Context, id string) (bool, error) {
	ts.changing.Lock()
	defer ts.changing.Unlock()
	s := ts.store()
	if s == nil {
		return false, ErrNoStore
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), tokensTimeout)
	defer cancel()
	was, err := s.DeleteToken(ctx, id)
	if err != nil {
		return false, err
	}
	return was, ts.refresh(ctx, s)
}
