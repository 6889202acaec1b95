package ui

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/headgate/headgate/limiter"
)

// poolButtons returns the values of the buttons that change a form's pools.
func poolButtons(t *testing.T, h http.Handler, path string) (values []string) {
	t.Helper()
	for _, b := range find(wantPage(t, h, path, http.StatusOK), "button") {
		if attribute(b, "name") == poolButton {
			values = append(values, attribute(b, "value"))
		}
	}
	return values
}

// A pool is added, filled in, tried and saved; another takes its place.
func TestTheLifeOfAPool(t *testing.T) {
	g := billed(t)
	h := New(g.Control, Options{})
	form := formOf(wantPage(t, h, "/limits/billing/edit", http.StatusOK), "limit")
	if form.Get("pools") != "0" {
		t.Errorf("the form of no pools says %q", form["pools"])
	}
	form.Set("samples_per_second", "2")
	doc := wantPage(t, h, "/limits/billing/edit?"+with(form, "pool", "add").Encode(), http.StatusOK)
	form = formOf(doc, "limit")
	if form.Get("pools") != "1" || form.Get("samples_per_second") != "2" || !form.Has("pool_name") {
		t.Errorf("after one was added the form is %v, want a pool more and what was typed", form)
	}
	wantText(t, doc, "section#preview", "Shed") // a pool that nobody filled in is none

	form = with(form, "pool_name", "books", "pool_share", "0.25", "pool_teams", " ledger \n\nledger\n", "pool_match", `{job="books"}`)
	doc = wantPage(t, h, "/limits/billing/edit?"+form.Encode(), http.StatusOK)
	wantText(t, doc, "section#preview", "books 25 %, 0.5 samples/s default 75 %")
	_, doc = wantDone(t, h, "/limits/billing/edit", form)
	wantText(t, doc, "p.good", "The limit is changed")
	l, err := g.Limit("billing")
	if err != nil {
		t.Fatal(err)
	}
	want := []limiter.PoolConfig{{Name: "books", Share: 0.25, Teams: []string{"ledger"}, Match: limiter.Selectors{`{job="books"}`}}}
	if diff := cmp.Diff(want, l.Status.Limit.Pools); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}

	// A form that says nothing of pools keeps them.
	kept := url.Values{"samples_per_second": {"3"}, "revision": {strconv.FormatInt(l.Revision, 10)}}
	wantDone(t, h, "/limits/billing/edit", kept)
	if l, err = g.Limit("billing"); err != nil || len(l.Status.Limit.Pools) != 1 {
		t.Errorf("the limit is %+v, %v; want its pool kept", l.Status.Limit, err)
	}

	form = formOf(wantPage(t, h, "/limits/billing/edit", http.StatusOK), "limit")
	form = formOf(wantPage(t, h, "/limits/billing/edit?"+with(form, "pool", "remove-0").Encode(), http.StatusOK), "limit")
	if form.Get("pools") != "0" || form.Has("pool_name") {
		t.Errorf("after it was removed the form is %v", form)
	}
	wantDone(t, h, "/limits/billing/edit", form)
	if l, err = g.Limit("billing"); err != nil || len(l.Status.Limit.Pools) != 0 {
		t.Errorf("the limit is %+v, %v; want no pool", l.Status.Limit, err)
	}
}

func TestWhatIsWrongWithAPoolStandsAtItsField(t *testing.T) {
	h := New(billed(t).Control, Options{})
	two := func(pairs ...string) url.Values {
		q := url.Values{"samples_per_second": {"5"}, "revision": {"0"}, "pools": {"2"}}
		for i, f := range poolFields {
			q[poolParameter(f.name)] = []string{[]string{"one", "0.5", "", "a", ""}[i], []string{"two", "0.5", "", "", "{b!=\"\"}"}[i]}
		}
		for i := 0; i < len(pairs); i += 2 {
			q[poolParameter(pairs[i])][1] = pairs[i+1]
		}
		return q
	}
	for _, tt := range []struct {
		name  string
		q     url.Values
		where string // the ID of what the text stands at
		text  string
		words string // of the effect, where there is none
	}{
		{"a share in words", two("share", "half"), "pool-1-share-wrong", "it is no number", "pool 2, share: it is no number"},
		{"a share of more than all", two("share", "1.5"), "pool-1-share-wrong", "is not over 0 and up to 1", "pool 2, share"},
		{"no share", two("share", "NaN"), "pool-1-share-wrong", "is not over 0 and up to 1", "pool 2, share"},
		{"a name twice", two("name", "one"), "pool-1-name-wrong", "is there already", "pool 2, name"},
		{"series in words", two("active_series", "few"), "pool-1-active_series-wrong", "it is no whole number", "pool 2, active series"},
		{"no selector", two("match", "{"), "pool-1-match-wrong", "parse error", "pool 2, match"},
		{"a team of another pool", two("teams", "a"), "pool-1-teams-wrong", "is in the pool", "pool 2, teams"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			doc := wantPage(t, h, "/limits/billing/edit?"+tt.q.Encode(), http.StatusUnprocessableEntity)
			wantText(t, doc, "p#"+tt.where, tt.text)
			wantText(t, doc, "section#preview", tt.words)
			doc = wantRefused(t, h, "/limits/billing/edit", tt.q, http.StatusUnprocessableEntity)
			wantText(t, doc, "p#"+tt.where, tt.text)
		})
	}
	t.Run("a pool of nothing", func(t *testing.T) {
		doc := wantPage(t, h, "/limits/billing/edit?"+two("match", "").Encode(), http.StatusUnprocessableEntity)
		wantText(t, doc, "fieldset.pool", "it has neither teams nor match")
	})
	t.Run("more than all", func(t *testing.T) {
		doc := wantPage(t, h, "/limits/billing/edit?"+two("share", "0.75").Encode(), http.StatusUnprocessableEntity)
		wantText(t, doc, "fieldset.pools", "add up to 1.25")
	})
}

// As many pools are shown as a limit may have, and one more, whatever an address says.
func TestPoolsOfAFormAreBounded(t *testing.T) {
	for _, tt := range []struct {
		name string
		q    url.Values
		want int
	}{
		{"none are said", url.Values{}, 0},
		{"no number", url.Values{"pools": {"many"}}, 0},
		{"less than none", url.Values{"pools": {"-5"}}, 0},
		{"a billion", url.Values{"pools": {"1000000000"}}, maxPoolDrafts},
		{"one is added", url.Values{"pools": {"3"}, "pool": {"add"}}, 4},
		{"there is no room", url.Values{"pools": {"21"}, "pool": {"add"}}, maxPoolDrafts},
		{"one is removed", url.Values{"pools": {"3"}, "pool": {"remove-2"}}, 2},
		{"one that is not there is removed", url.Values{"pools": {"3"}, "pool": {"remove-3"}}, 3},
		{"one before the first is removed", url.Values{"pools": {"3"}, "pool": {"remove--1"}}, 3},
		{"two that nobody filled in", url.Values{"pools": {"3"}, "pool_name": {"", "b", ""}}, 3},
		{"more names than pools", url.Values{"pools": {"1"}, "pool_name": {"a", "b", "c"}}, 1},
	} {
		if got := poolDraftsOf(tt.q); len(got) != tt.want {
			t.Errorf("%s: %d pools, want %d", tt.name, len(got), tt.want)
		}
	}
	q := url.Values{"pools": {"3"}, "pool_name": {"a", "b", "c"}, "pool_share": {"0.1", "0.2", "0.3"}, "pool": {"remove-1"}}
	left := poolDraftsOf(q)
	again := url.Values{}
	addPools(again, left)
	if want := []string{"a", "c"}; !cmp.Equal(again["pool_name"], want) || !cmp.Equal(again["pool_share"], []string{"0.1", "0.3"}) {
		t.Errorf("what is left is %v, want %v", again, want)
	}
}

func TestPoolsOfFilesAreTried(t *testing.T) {
	h := shop(t)
	buttons := poolButtons(t, h, "/limits/payments/edit")
	if !cmp.Equal(buttons, []string{"remove-0", "add"}) {
		t.Errorf("the buttons are %q, want one that removes the pool and one that adds another", buttons)
	}
	doc := wantPage(t, h, "/limits/payments/edit", http.StatusOK)
	form := with(formOf(doc, "limit"), "pool_share", "0.75")
	doc = wantPage(t, h, "/limits/payments/edit?"+form.Encode(), http.StatusOK)
	wantText(t, doc, "pre#limit-yaml", "share: 0.75")
	if !strings.Contains(form.Encode(), "pool_teams=") {
		t.Errorf("the form is %v, want the teams of its pool", form)
	}
}
