package signin

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/alexedwards/scs/v2"

	"github.com/headgate/headgate/internal/auth"
)

// A SessionStore keeps sessions, under a hash of what the browser has.
type SessionStore interface {
	Session(ctx context.Context, id string, now time.Time) (data []byte, found bool, err error)
	PutSession(ctx context.Context, id string, data []byte, expires time.Time) error
	// KeepSession is PutSession for a session that is still there.
	KeepSession(ctx context.Context, id string, data []byte, expires time.Time) error
	DeleteSession(ctx context.Context, id string) error
	DeleteSessionsOver(ctx context.Context, now time.Time) error
}

const (
	// storeTimeout is how long a question to the store may take.
	storeTimeout = 5 * time.Second

	// touchEvery is how exact the time without a request is measured: a session is
	// written once in it.
	touchEvery = time.Minute

	// sweepEvery is how often sessions that are over are removed.
	sweepEvery = time.Hour

	// maxInMemory bounds the sessions of a process without a store.
	maxInMemory = 10_000
)

// An identity is who signed in. What they may do is looked up with every request.
type identity struct {
	Name   string   `json:"name"`
	Stamp  string   `json:"stamp,omitempty"`  // of the password's hash
	Issuer string   `json:"issuer,omitempty"` // "": by password
	Groups []string `json:"groups,omitempty"` // those that the configuration knew then
}

// The parts of a session.
const (
	identityKey = "identity" // JSON
	touchedKey  = "touched"  // Unix seconds
)

// Names of cookies. Browsers take __Host- from this host by https alone.
const (
	secureCookie = "__Host-headgate_session"
	plainCookie  = "headgate_session"
)

// sessions are those of people who signed in.
type sessions struct{ *scs.SessionManager }

func (si *SignIn) newSessions(c auth.SessionConfig) *sessions {
	// Not by scs.New: it starts a goroutine for a store that is not used here.
	m := &scs.SessionManager{
		Store:            &shelves{open: si.parts.Sessions, memory: si.memory, log: si.parts.Log},
		Codec:            scs.GobCodec{},
		HashTokenInStore: true,
		Lifetime:         time.Duration(c.Absolute),
		IdleTimeout:      time.Duration(c.Idle),
		// It does not persist: the server says when a session is over.
		Cookie: scs.SessionCookie{Name: plainCookie, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode},
	}
	if si.parts.Secure {
		m.Cookie.Name, m.Cookie.Secure = secureCookie, true
	}
	return &sessions{m}
}

// load returns the session of a request; it is empty where there is none.
func (s *sessions) load(r *http.Request) (context.Context, error) {
	var token string
	// Of two cookies with one name, one was put there by somebody else.
	if cookies := r.CookiesNamed(s.Cookie.Name); len(cookies) == 1 {
		token = cookies[0].Value
	}
	return s.Load(r.Context(), token)
}

// identity returns who has the session of a request, or an ErrNobody.
func (s *sessions) identity(r *http.Request) (identity, error) {
	if len(r.CookiesNamed(s.Cookie.Name)) != 1 {
		return identity{}, ErrNobody
	}
	ctx, err := s.load(r)
	if err != nil {
		return identity{}, err
	}
	var id identity
	if text := s.GetString(ctx, identityKey); text == "" || json.Unmarshal([]byte(text), &id) != nil {
		return identity{}, ErrNobody
	}
	now := time.Now()
	if now.Unix()-s.GetInt64(ctx, touchedKey) >= int64(touchEvery.Seconds()) {
		s.Put(ctx, touchedKey, now.Unix())
		// Where it is not written, the session is over earlier than it might be.
		_, _, _ = s.Commit(context.WithValue(ctx, keepKey{}, true))
	}
	return id, nil
}

// begin makes a session with a new name, and gives it to the browser.
func (s *sessions) begin(rw http.ResponseWriter, r *http.Request, id identity) error {
	ctx, err := s.load(r)
	if err != nil { // what it had cannot be read, and is left behind
		if ctx, err = s.Load(r.Context(), ""); err != nil {
			return err
		}
	}
	// Who got this browser's name of a session before must not have it now.
	if err := s.RenewToken(ctx); err != nil {
		return err
	}
	text, err := json.Marshal(id)
	if err != nil {
		return err
	}
	s.Put(ctx, identityKey, string(text))
	s.Put(ctx, touchedKey, time.Now().Unix())
	token, expires, err := s.Commit(ctx)
	if err != nil {
		return err
	}
	s.WriteSessionCookie(ctx, rw, token, expires)
	return nil
}

// end ends the session of a request.
func (s *sessions) end(rw http.ResponseWriter, r *http.Request) error {
	ctx, err := s.load(r)
	if err != nil {
		return err
	}
	if err := s.Destroy(ctx); err != nil {
		return err
	}
	s.WriteSessionCookie(ctx, rw, "", time.Time{})
	return nil
}

// keepKey marks the context in which a session is written only if it is still there:
// whoever signed out meanwhile must not be signed in again.
type keepKey struct{}

// shelves are where sessions are: in the store, or in memory while that does not
// take them.
type shelves struct {
	open   func() SessionStore
	memory *memory
	log    *slog.Logger
}

// store returns the store, or nil.
func (s *shelves) store() SessionStore {
	if s.open == nil {
		return nil
	}
	return s.open()
}

// FindCtx implements scs.CtxStore.
func (s *shelves) FindCtx(ctx context.Context, id string) ([]byte, bool, error) {
	now := time.Now()
	if data, ok := s.memory.find(id, now); ok {
		return data, true, nil
	}
	db := s.store()
	if db == nil {
		return nil, false, nil
	}
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	return db.Session(ctx, id, now)
}

// CommitCtx implements scs.CtxStore.
func (s *shelves) CommitCtx(ctx context.Context, id string, data []byte, expires time.Time) error {
	keep := ctx.Value(keepKey{}) != nil
	if keep && s.memory.keep(id, data, expires) {
		return nil
	}
	db := s.store()
	if db != nil {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTimeout)
		defer cancel()
		if keep {
			return db.KeepSession(ctx, id, data, expires)
		}
		err := db.PutSession(ctx, id, data, expires)
		if err == nil {
			return nil
		}
		s.log.Warn("a session is not stored: it is over when the process ends", slog.Any("err", err))
	}
	if !keep {
		s.memory.put(id, data, expires)
	}
	return nil
}

// DeleteCtx implements scs.CtxStore.
func (s *shelves) DeleteCtx(ctx context.Context, id string) error {
	s.memory.delete(id)
	db := s.store()
	if db == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTimeout)
	defer cancel()
	return db.DeleteSession(ctx, id)
}

// Find implements scs.Store, which calls FindCtx instead.
func (s *shelves) Find(id string) ([]byte, bool, error) { return s.FindCtx(context.Background(), id) }

// Commit implements scs.Store, which calls CommitCtx instead.
func (s *shelves) Commit(id string, data []byte, expires time.Time) error {
	return s.CommitCtx(context.Background(), id, data, expires)
}

// Delete implements scs.Store, which calls DeleteCtx instead.
func (s *shelves) Delete(id string) error { return s.DeleteCtx(context.Background(), id) }

// sweep removes the sessions that are over.
func (si *SignIn) sweep(ctx context.Context) {
	now := time.Now()
	si.memory.sweep(now)
	if si.parts.Sessions == nil {
		return
	}
	if db := si.parts.Sessions(); db != nil {
		ctx, cancel := context.WithTimeout(ctx, storeTimeout)
		defer cancel()
		if err := db.DeleteSessionsOver(ctx, now); err != nil && ctx.Err() == nil {
			si.parts.Log.Warn("sessions that are over are not removed", slog.Any("err", err))
		}
	}
}

// A memory holds sessions while no store does.
type memory struct {
	mu       sync.Mutex
	sessions map[string]remembered
}

type remembered struct {
	data    []byte
	expires time.Time
}

func newMemory() *memory { return &memory{sessions: map[string]remembered{}} }

func (m *memory) find(id string, now time.Time) ([]byte, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s, ok := m.sessions[id]
	return s.data, ok && now.Before(s.expires)
}

// put remembers a session. Where there are too many, any other is forgotten: only
// who signed in has one.
func (m *memory) put(id string, data []byte, expires time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for other := range m.sessions {
		if len(m.sessions) < maxInMemory {
			break
		}
		delete(m.sessions, other)
	}
	m.sessions[id] = remembered{data, expires}
}

// keep is put for a session that is here, and reports whether it is.
func (m *memory) keep(id string, data []byte, expires time.Time) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	_, ok := m.sessions[id]
	if ok {
		m.sessions[id] = remembered{data, expires}
	}
	return ok
}

func (m *memory) delete(id string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.sessions, id)
}

func (m *memory) sweep(now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for id, s := range m.sessions {
		if !now.Before(s.expires) {
			delete(m.sessions, id)
		}
	}
}
