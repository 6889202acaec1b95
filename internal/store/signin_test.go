package store_test

import (
	"crypto/sha256"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/headgate/headgate/internal/auth"
	"github.com/headgate/headgate/internal/store"
	"github.com/headgate/headgate/internal/store/storetest"
	"github.com/headgate/headgate/internal/tenant"
)

var _ auth.TokenStore = (*store.DB)(nil)

func TestTokens(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		db := open(t, url)
		add := func(tok auth.Token) auth.Token {
			t.Helper()
			tok, err := db.AddToken(t.Context(), tok)
			if err != nil {
				t.Fatal(err)
			}
			return tok
		}
		check := func(revision int64, want ...auth.Token) {
			t.Helper()
			list, err := db.Tokens(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			got, all := map[string]auth.Token{}, map[string]auth.Token{}
			for _, tok := range list {
				got[tok.ID] = tok
			}
			for _, tok := range want {
				all[tok.ID] = tok
			}
			if diff := cmp.Diff(all, got); diff != "" || len(all) != len(want) {
				t.Errorf("-want +got:\n%s", diff)
			}
			if got, err := db.TokenRevision(t.Context()); err != nil || got != revision {
				t.Errorf("the tokens' revision is %d, %v; want %d", got, err, revision)
			}
		}

		check(0)
		a := add(auth.Token{Digest: sha256.Sum256([]byte("a")), Name: "a", Role: auth.Admin, CreatedAt: noon, CreatedBy: "ann"})
		b := add(auth.Token{
			Digest: sha256.Sum256([]byte("b")), Name: "a", Role: auth.Editor, Tenants: []tenant.ID{"x", "y"}, Teams: []string{`"t"`},
			CreatedAt: noon, CreatedBy: "ann", ExpiresAt: noon.Add(time.Hour),
		})
		check(2, a, b)
		if _, err := db.AddToken(t.Context(), auth.Token{Digest: a.Digest, Name: "c", Role: auth.Viewer, CreatedAt: noon}); err == nil {
			t.Error("two tokens have one secret")
		}
		for _, at := range []time.Duration{time.Hour, time.Minute} { // the earlier use does not undo the later
			if err := db.TokenUsed(t.Context(), b.ID, noon.Add(at)); err != nil {
				t.Fatal(err)
			}
		}
		b.UsedAt = noon.Add(time.Hour)
		check(2, a, b)
		for _, want := range []bool{true, false} {
			if was, err := db.DeleteToken(t.Context(), a.ID); was != want || err != nil {
				t.Errorf("DeleteToken: %t, %v; want %t", was, err, want)
			}
		}
		check(3, b)
	})
}

func TestSessions(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		db := open(t, url)
		put := func(id, data string, expires time.Time) {
			t.Helper()
			if err := db.PutSession(t.Context(), id, []byte(data), expires); err != nil {
				t.Fatal(err)
			}
		}
		check := func(id string, now time.Time, want string) {
			t.Helper()
			got, found, err := db.Session(t.Context(), id, now)
			if string(got) != want || found != (want != "") || err != nil {
				t.Errorf("session %s is %q, %t, %v; want %q", id, got, found, err, want)
			}
		}
		put("a", "\x00\xff1", noon.Add(time.Hour))
		put("b", "2", noon.Add(time.Minute))
		check("a", noon, "\x00\xff1")
		check("b", noon.Add(time.Minute), "")
		check("c", noon, "")
		put("b", "3", noon.Add(2*time.Minute))
		check("b", noon.Add(time.Minute), "3")
		for id, want := range map[string]string{"a": "4", "gone": ""} {
			if err := db.KeepSession(t.Context(), id, []byte("4"), noon.Add(time.Hour)); err != nil {
				t.Fatal(err)
			}
			check(id, noon, want)
		}
		if err := db.DeleteSessionsOver(t.Context(), noon.Add(2*time.Minute)); err != nil {
			t.Fatal(err)
		}
		check("b", noon, "")
		check("a", noon, "4")
		for range 2 {
			if err := db.DeleteSession(t.Context(), "a"); err != nil {
				t.Fatal(err)
			}
		}
		check("a", noon, "")
	})
}
