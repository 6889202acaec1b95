package signin

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/common/model"

	"github.com/headgate/headgate/internal/auth"
)

// A drawer is a SessionStore in memory, which may be broken.
type drawer struct {
	mu       sync.Mutex
	sessions map[string]remembered
	writes   int
	broken   bool
}

var errBroken = errors.New("broken")

func (d *drawer) do(f func()) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.broken {
		return errBroken
	}
	f()
	return nil
}

func (d *drawer) Session(_ context.Context, id string, now time.Time) (data []byte, found bool, err error) {
	err = d.do(func() {
		s, ok := d.sessions[id]
		data, found = s.data, ok && now.Before(s.expires)
	})
	return data, found, err
}

func (d *drawer) PutSession(_ context.Context, id string, data []byte, expires time.Time) error {
	return d.do(func() {
		d.sessions[id] = remembered{data, expires}
		d.writes++
	})
}

func (d *drawer) KeepSession(ctx context.Context, id string, data []byte, expires time.Time) error {
	d.mu.Lock()
	_, ok := d.sessions[id]
	d.mu.Unlock()
	if !ok {
		return nil
	}
	return d.PutSession(ctx, id, data, expires)
}

func (d *drawer) DeleteSession(_ context.Context, id string) error {
	return d.do(func() { delete(d.sessions, id) })
}

func (d *drawer) DeleteSessionsOver(_ context.Context, now time.Time) error {
	return d.do(func() {
		for id, s := range d.sessions {
			if !now.Before(s.expires) {
				delete(d.sessions, id)
			}
		}
	})
}

const (
	idle     = 30 * time.Minute
	absolute = 2 * time.Hour
)

// annOnly are settings in which ann signs in with the password "open".
func annOnly(t *testing.T) *auth.Settings {
	t.Helper()
	c := auth.DefaultConfig()
	c.Session = auth.SessionConfig{Idle: model.Duration(idle), Absolute: model.Duration(absolute)}
	c.Users = []auth.UserConfig{{Name: "ann", Role: auth.Admin, PasswordHash: openHash}}
	s, err := auth.Load(c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// openHash is of the password "open", at the least cost that is taken.
const openHash = "$argon2id$v=19$m=7168,t=6,p=1$MTIzNDU2Nzg$XAvd6Ra2XKbDwt2h9VKE7A"

// signInWith returns a SignIn for ann, with the store of sessions.
func signInWith(t *testing.T, d *drawer) *SignIn {
	t.Helper()
	p := Parts{Sessions: func() SessionStore { return nil }, Tell: func(string, string) {}, Log: slog.New(slog.DiscardHandler)}
	if d != nil {
		d.sessions = map[string]remembered{}
		p.Sessions = func() SessionStore { return d }
	}
	return New(p, annOnly(t))
}

// login signs ann in and returns her cookie.
func login(t *testing.T, si *SignIn) *http.Cookie {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, "/login", strings.NewReader(url.Values{"name": {"ann"}, "password": {"open"}}.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	rec := httptest.NewRecorder()
	si.Login(rec, r)
	if rec.Code != http.StatusSeeOther || len(rec.Result().Cookies()) != 1 {
		t.Fatalf("sign in: %d %s", rec.Code, rec.Body)
	}
	return rec.Result().Cookies()[0]
}

func ask(si *SignIn, c *http.Cookie) error {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.AddCookie(c)
	_, err := si.Actor(r)
	return err
}

func logout(t *testing.T, si *SignIn, c *http.Cookie) {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, "/logout", nil)
	r.AddCookie(c)
	rec := httptest.NewRecorder()
	si.Logout(rec, r)
	if rec.Code != http.StatusSeeOther || len(rec.Result().Cookies()) != 1 || rec.Result().Cookies()[0].MaxAge >= 0 {
		t.Errorf("sign out: %d %v, want 303 and no cookie", rec.Code, rec.Result().Cookies())
	}
}

func TestASessionEnds(t *testing.T) {
	stores := map[string]func() *drawer{"in the store": func() *drawer { return &drawer{} }, "in memory": func() *drawer { return nil }}
	for where, store := range stores {
		t.Run(where+" without a request for long", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				si := signInWith(t, store())
				c := login(t, si)
				for range 2 { // each begins the time anew
					time.Sleep(idle - time.Second)
					if err := ask(si, c); err != nil {
						t.Fatalf("before the idle time is over: %v", err)
					}
				}
				time.Sleep(idle)
				if err := ask(si, c); !errors.Is(err, ErrNobody) {
					t.Errorf("after the idle time: error %v, want ErrNobody", err)
				}
			})
		})
		t.Run(where+" in any case after the absolute time", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				si := signInWith(t, store())
				c := login(t, si)
				begin := time.Now()
				for time.Since(begin) < absolute {
					if err := ask(si, c); err != nil {
						t.Fatalf("after %s: %v", time.Since(begin), err)
					}
					time.Sleep(10 * time.Minute)
				}
				if err := ask(si, c); !errors.Is(err, ErrNobody) {
					t.Errorf("after %s: error %v, want ErrNobody", absolute, err)
				}
			})
		})
		t.Run(where+" when somebody signs out, whatever is under way", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				si := signInWith(t, store())
				c := login(t, si)
				time.Sleep(2 * touchEvery)
				// A request reads the session, and writes it only after the sign-out.
				p := si.current.Load()
				r := httptest.NewRequest(http.MethodGet, "/", nil)
				r.AddCookie(c)
				ctx, err := p.sessions.load(r)
				if err != nil {
					t.Fatal(err)
				}
				logout(t, si, c)
				_, _, _ = p.sessions.Commit(context.WithValue(ctx, keepKey{}, true))
				if err := ask(si, c); !errors.Is(err, ErrNobody) {
					t.Errorf("after signing out: error %v, want ErrNobody", err)
				}
			})
		})
	}
}

func TestASessionIsWrittenOnceAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &drawer{}
		si := signInWith(t, d)
		c := login(t, si)
		for range 180 {
			if err := ask(si, c); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
		}
		if d.writes != 3 {
			t.Errorf("in three minutes of a request a second it is written %d times, want 3", d.writes)
		}
	})
}

func TestSigningInWithoutTheStore(t *testing.T) {
	d := &drawer{broken: true}
	si := signInWith(t, d)
	c := login(t, si)
	if err := ask(si, c); err != nil {
		t.Errorf("while the store is broken: %v", err)
	}
	d.broken = false
	if err := ask(si, c); err != nil {
		t.Errorf("once it is back: %v", err)
	}
	stored := login(t, si)
	d.broken = true
	if err := ask(si, stored); !errors.Is(err, errBroken) {
		t.Errorf("a session that is in the broken store: error %v, want that of the store", err)
	}
	d.broken = false
	logout(t, si, c)
	if err := ask(si, c); !errors.Is(err, ErrNobody) {
		t.Errorf("signed out: error %v, want ErrNobody", err)
	}
}

func TestTheStoreDoesNotKnowWhatTheBrowserHas(t *testing.T) {
	d := &drawer{}
	c := login(t, signInWith(t, d))
	for id, s := range d.sessions {
		if id == c.Value || strings.Contains(string(s.data), c.Value) {
			t.Error("the store has what the browser has")
		}
	}
}

func TestAnotherPasswordEndsSessions(t *testing.T) {
	si := signInWith(t, &drawer{})
	c := login(t, si)
	config := annOnly(t).Config
	reload := func(change func(*auth.UserConfig)) {
		t.Helper()
		users := []auth.UserConfig{config.Users[0]}
		change(&users[0])
		config.Users = users
		s, err := auth.Load(config)
		if err != nil {
			t.Fatal(err)
		}
		si.Reload(s)
	}
	reload(func(u *auth.UserConfig) { u.Role = auth.Viewer })
	if err := ask(si, c); err != nil {
		t.Errorf("with another role: %v", err)
	}
	reload(func(u *auth.UserConfig) { u.PasswordHash = strings.Replace(u.PasswordHash, "MTIz", "OTIz", 1) })
	if err := ask(si, c); !errors.Is(err, ErrNobody) {
		t.Errorf("with another password: error %v, want ErrNobody", err)
	}
}

func TestMemoryIsBounded(t *testing.T) {
	m := newMemory()
	for i := range 2 * maxInMemory {
		m.put(string(rune(i)), nil, time.Now().Add(time.Hour))
	}
	if n := len(m.sessions); n > maxInMemory {
		t.Errorf("%d sessions are held, want %d at most", n, maxInMemory)
	}
}
