package auth

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/headgate/headgate/internal/tenant"
)

// A shelf is a TokenStore in memory, which may be broken.
type shelf struct {
	mu       sync.Mutex
	tokens   []Token
	revision int64
	broken   bool
}

var errBroken = errors.New("broken")

func (s *shelf) do(f func()) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken {
		return errBroken
	}
	f()
	return nil
}

func (s *shelf) TokenRevision(context.Context) (n int64, err error) {
	err = s.do(func() { n = s.revision })
	return n, err
}

func (s *shelf) Tokens(context.Context) (list []Token, err error) {
	err = s.do(func() { list = slices.Clone(s.tokens) })
	return list, err
}

func (s *shelf) AddToken(_ context.Context, t Token) (Token, error) {
	err := s.do(func() {
		s.revision++
		t.ID = fmt.Sprint("id", s.revision)
		s.tokens = append(s.tokens, t)
	})
	return t, err
}

func (s *shelf) DeleteToken(_ context.Context, id string) (was bool, err error) {
	err = s.do(func() {
		s.revision++
		n := len(s.tokens)
		s.tokens = slices.DeleteFunc(s.tokens, func(t Token) bool { return t.ID == id })
		was = len(s.tokens) < n
	})
	return was, err
}

func (s *shelf) TokenUsed(_ context.Context, id string, at time.Time) error {
	return s.do(func() {
		for i := range s.tokens {
			if s.tokens[i].ID == id {
				s.tokens[i].UsedAt = at
			}
		}
	})
}

func tokensOf(s *shelf) *Tokens {
	return NewTokens(func() TokenStore { return s }, slog.New(slog.DiscardHandler))
}

func TestASecretIsRecognisedByItsForm(t *testing.T) {
	secret, digest := NewSecret()
	if got, err := parseSecret(secret); err != nil || got != digest {
		t.Errorf("%s: %v, want the digest it was made with", secret, err)
	}
	if other, _ := NewSecret(); other == secret {
		t.Error("two secrets are the same")
	}
	letter := byte('a')
	if secret[10] == letter {
		letter = 'b'
	}
	for name, text := range map[string]string{
		"nothing": "", "the prefix": "hg_", "a part": secret[:len(secret)-1], "more": secret + "0", "a space": secret + " ",
		"another letter": secret[:10] + string(letter) + secret[11:], "no prefix": "xx_" + secret[3:],
	} {
		if _, err := parseSecret(text); !errors.Is(err, ErrToken) || strings.Contains(err.Error(), secret[3:20]) {
			t.Errorf("%s: error %v, want ErrToken without the secret", name, err)
		}
	}
}

func FuzzParseSecret(f *testing.F) {
	secret, _ := NewSecret()
	f.Add(secret)
	f.Add("hg_é" + secret)
	f.Fuzz(func(t *testing.T, text string) {
		if _, err := parseSecret(text); err == nil && (len(text) != tokenLength || !IsSecret(text)) {
			t.Errorf("%q is taken for a secret", text)
		}
	})
}

func TestATokenStandsForItsActor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ts := tokensOf(&shelf{})
		tok, secret, err := ts.Add(t.Context(), Token{
			Name: "ci", Role: Editor, Tenants: []tenant.ID{"a"}, Teams: []string{"cart"}, ExpiresAt: time.Now().Add(time.Minute),
		})
		if err != nil {
			t.Fatal(err)
		}
		got, err := ts.Actor(secret, "::1")
		if diff := cmp.Diff(Actor{"token:ci", "::1", Editor, []tenant.ID{"a"}, []string{"cart"}}, got); diff != "" || err != nil {
			t.Errorf("error %v, actor (-want +got):\n%s", err, diff)
		}
		other, _ := NewSecret()
		if _, err := ts.Actor(other, ""); !errors.Is(err, ErrToken) {
			t.Errorf("another secret: error %v, want ErrToken", err)
		}
		time.Sleep(time.Minute)
		if _, err := ts.Actor(secret, ""); !errors.Is(err, ErrToken) || !strings.Contains(err.Error(), "expired") {
			t.Errorf("when it expires: error %v, want ErrToken", err)
		}
		if was, err := ts.Revoke(t.Context(), tok.ID); !was || err != nil {
			t.Errorf("revoke: %t, %v; want true", was, err)
		}
		if was, err := ts.Revoke(t.Context(), tok.ID); was || err != nil {
			t.Errorf("revoke again: %t, %v; want false", was, err)
		}
		if _, err := ts.Actor(secret, ""); !errors.Is(err, ErrToken) || !strings.Contains(err.Error(), "revoked") {
			t.Errorf("when it is revoked: error %v, want ErrToken", err)
		}
	})
}

func TestWhatAnotherProcessRevokesIsOverWithinASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &shelf{}
		here, there := tokensOf(s), tokensOf(s)
		ctx, cancel := context.WithCancel(t.Context())
		go func() { _ = here.Run(ctx) }()
		defer cancel()
		tok, secret, err := there.Add(t.Context(), Token{Name: "ci", Role: Viewer})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(tokensEvery + time.Millisecond)
		if _, err := here.Actor(secret, ""); err != nil {
			t.Errorf("a second after it was made elsewhere: %v", err)
		}
		if _, err := there.Revoke(t.Context(), tok.ID); err != nil {
			t.Fatal(err)
		}
		time.Sleep(tokensEvery + time.Millisecond)
		if _, err := here.Actor(secret, ""); !errors.Is(err, ErrToken) {
			t.Errorf("a second after it was revoked elsewhere: error %v, want ErrToken", err)
		}
		cancel()
		synctest.Wait()
	})
}

func TestTokensGoOnForAWhileWithoutTheStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &shelf{}
		ts := tokensOf(s)
		_, secret, err := ts.Add(t.Context(), Token{Name: "ci", Role: Viewer})
		if err != nil {
			t.Fatal(err)
		}
		s.broken = true
		if _, _, err := ts.Add(t.Context(), Token{Name: "new", Role: Viewer}); !errors.Is(err, errBroken) {
			t.Errorf("a new token: error %v, want that of the store", err)
		}
		time.Sleep(tokensTrust)
		ts.Refresh(t.Context())
		if _, err := ts.Actor(secret, ""); err != nil {
			t.Errorf("after %s: %v", tokensTrust, err)
		}
		time.Sleep(time.Second)
		if _, err := ts.Actor(secret, ""); !errors.Is(err, ErrUnchecked) {
			t.Errorf("later: error %v, want ErrUnchecked", err)
		}
		s.broken = false
		ts.Refresh(t.Context())
		if _, err := ts.Actor(secret, ""); err != nil {
			t.Errorf("once the store is back: %v", err)
		}
		if _, err := tokensOf(&shelf{broken: true}).Actor(secret, ""); !errors.Is(err, ErrUnchecked) {
			t.Errorf("where the store was never there: error %v, want ErrUnchecked", err)
		}
	})
}

func TestTheUseOfATokenIsNotedByTheHour(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &shelf{}
		ts := tokensOf(s)
		_, secret, err := ts.Add(t.Context(), Token{Name: "ci", Role: Viewer})
		if err != nil {
			t.Fatal(err)
		}
		begin := time.Now()
		use := func() {
			t.Helper()
			if _, err := ts.Actor(secret, ""); err != nil {
				t.Fatal(err)
			}
			ts.Refresh(t.Context())
		}
		want := func(at time.Time) {
			t.Helper()
			if got := s.tokens[0].UsedAt; !got.Equal(at) {
				t.Errorf("last use is noted at %s, want %s", got, at)
			}
		}
		ts.Refresh(t.Context())
		want(time.Time{})
		use()
		want(begin)
		time.Sleep(usedEvery - time.Second)
		ts.Refresh(t.Context())
		use()
		want(begin)
		time.Sleep(time.Second)
		use()
		want(begin.Add(usedEvery))
	})
}

func TestATokenIsChecked(t *testing.T) {
	now := time.Now()
	many := make([]tenant.ID, maxReach+1)
	for name, tt := range map[string]struct {
		token Token
		want  string
	}{
		"a good one":          {Token{Name: "ci of cart", Role: Editor, Tenants: []tenant.ID{"a"}, Teams: []string{"cart"}, ExpiresAt: now.Add(1)}, ""},
		"no name":             {Token{Role: Viewer}, "name"},
		"a name of two lines": {Token{Name: "a\nb", Role: Viewer}, "name"},
		"a long name":         {Token{Name: strings.Repeat("a", maxTokenName+1), Role: Viewer}, "name"},
		"a role that is none": {Token{Name: "a", Role: "root"}, "role"},
		"a tenant of no form": {Token{Name: "a", Role: Viewer, Tenants: []tenant.ID{"a/b"}}, "tenants"},
		"many tenants":        {Token{Name: "a", Role: Viewer, Tenants: many}, "tenants"},
		"an empty team":       {Token{Name: "a", Role: Viewer, Teams: []string{""}}, "teams"},
		"many teams":          {Token{Name: "a", Role: Viewer, Teams: make([]string, maxReach+1)}, "teams"},
		"one that is over":    {Token{Name: "a", Role: Viewer, ExpiresAt: now}, "expires_at"},
	} {
		if field, text := tt.token.Check(now); field != tt.want || (text == "") != (field == "") {
			t.Errorf("%s: %q, %q; want %q", name, field, text, tt.want)
		}
	}
}
