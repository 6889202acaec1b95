package signin

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// try sends the form from an address and returns the status.
func try(si *SignIn, name, password, from string) int {
	r := httptest.NewRequest(http.MethodPost, "/login", strings.NewReader(url.Values{"name": {name}, "password": {password}}.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.RemoteAddr = from
	rec := httptest.NewRecorder()
	si.Login(rec, r)
	return rec.Code
}

// recording returns a SignIn for ann, and what it records in words.
func recording(t *testing.T) (*SignIn, func() []string) {
	si := signInWith(t, nil)
	var list []string
	si.parts.Record = func(p Passage) {
		if p.At.IsZero() {
			t.Errorf("%+v has no time", p)
		}
		kind := map[PassageKind]string{SignedIn: "in", SignedOut: "out", Refused: "refused"}[p.Kind]
		list = append(list, fmt.Sprintf("%s %q from %q %d: %s", kind, p.User, p.From, p.Attempts, p.Reason))
	}
	si.refused = newRefusals(si.parts.Record)
	return si, func() []string {
		defer func() { list = nil }()
		return list
	}
}

func TestComingAndGoingIsRecorded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		si, recorded := recording(t)
		cookie := login(t, si)
		for range 2 { // the second time nobody is signed in
			r := httptest.NewRequest(http.MethodPost, "/logout", nil)
			r.AddCookie(cookie)
			si.Logout(httptest.NewRecorder(), r)
		}
		want := []string{`in "ann" from "192.0.2.1" 0: `, `out "ann" from "192.0.2.1" 0: `}
		if diff := cmp.Diff(want, recorded()); diff != "" {
			t.Errorf("recorded (-want +got):\n%s", diff)
		}
	})
}

func TestRefusedAttemptsAreRecordedTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		si, recorded := recording(t)
		for range 8 { // the sixth and later are too fast
			try(si, "ann", "wrong", "192.0.2.7:1000")
		}
		try(si, "hunter2", "", "192.0.2.7:1000")
		try(si, "hunter3", "", "192.0.2.7:1001")
		try(si, "ann", "wrong", "[2001:db8::1]:1000")
		try(si, "ann", "wrong", "[2001:db8::2]:1000")
		const wrong = "name or password is wrong"
		want := []string{`refused "ann" from "192.0.2.7" 1: ` + wrong, `refused "" from "192.0.2.7" 1: ` + wrong, `refused "ann" from "2001:db8::1" 1: ` + wrong}
		if diff := cmp.Diff(want, recorded()); diff != "" {
			t.Errorf("at once (-want +got):\n%s", diff)
		}
		si.refused.sweep(time.Now().Add(refusalWindow - time.Second))
		if got := recorded(); got != nil {
			t.Errorf("%q is recorded before the window is over", got)
		}
		si.refused.sweep(time.Now().Add(refusalWindow))
		got := map[string]bool{}
		for _, text := range recorded() {
			got[text] = true
		}
		if want := map[string]bool{
			`refused "ann" from "192.0.2.7" 7: too many attempts; try again in 1s`: true, `refused "" from "192.0.2.7" 1: ` + wrong: true,
			`refused "ann" from "2001:db8::2" 1: ` + wrong: true,
		}; !cmp.Equal(got, want) {
			t.Errorf("afterwards %v, want %v", got, want)
		}
	})
}

func TestStrangersCannotMakeTheRecordLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		si, recorded := recording(t)
		const tries = 3000
		for i := range tries {
			si.refused.add(Passage{At: time.Now(), From: fmt.Sprintf("198.51.%d.%d", i/250, i%250), By: ByPassword, Reason: "wrong"})
			si.refused.add(Passage{At: time.Now(), From: "192.0.2.1", By: ByPassword, Reason: "wrong"})
		}
		si.refused.end()
		got := recorded()
		if len(got) > 2*maxRefusals+1 {
			t.Errorf("%d passages of %d attempts, want %d at most", len(got), 2*tries, 2*maxRefusals+1)
		}
		all := 0
		for _, text := range got {
			var n int
			_, rest, _ := strings.Cut(text, `" from "`)
			_, rest, _ = strings.Cut(rest, `" `)
			if _, err := fmt.Sscanf(rest, "%d:", &n); err != nil {
				t.Fatalf("%q: %v", text, err)
			}
			all += n
		}
		if all != 2*tries {
			t.Errorf("they are of %d attempts, want all %d", all, 2*tries)
		}
		si.refused.end()
		if got := recorded(); got != nil {
			t.Errorf("%q is recorded twice", got)
		}
	})
}
