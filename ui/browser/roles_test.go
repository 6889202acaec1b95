package browser

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/headgate/headgate/internal/auth"
	"github.com/headgate/headgate/internal/control"
	"github.com/headgate/headgate/internal/control/controltest"
	"github.com/headgate/headgate/rules"
)

// The rules of the store that somebody may change, or not: of the editor's team, and
// of another.
const ownRule, otherRule = "of-checkout", "of-search"

// offers are what pages have for some and not for others, by those who see it.
var offers = []struct{ page, selector, who string }{
	{"/", `.places a[href="/tokens"]`, "ann"},
	{"/", `.places a[href="/rules"]`, "val ed fin ann"},
	{"/rules", `a[href="/rules/new"]`, "ed ann"},
	{"/rules", `a[href="/rules/` + ownRule + `/edit"]`, "ed ann"},
	{"/rules", `a[href="/rules/` + otherRule + `/edit"]`, "ann"},
	{"/rules/" + ownRule, `form[action="/rules/` + ownRule + `/mode"]`, "ed ann"},
	{"/rules/" + ownRule, `a[href="/rules/` + ownRule + `/delete"]`, "ed ann"},
	{"/rules/" + ownRule, `a[href^="/rules/` + ownRule + `/revert"]`, "ed ann"},
	{"/rules/" + ownRule + "/history", `a[href^="/rules/` + ownRule + `/revert"]`, "ed ann"},
	{"/rules/" + ownRule, `a[href="/rules/` + ownRule + `/history"]`, "val ed fin ann"},
	{"/rules/" + otherRule, `form[method=post]:not([action="/logout"]), a[href$="/edit"], a[href$="/delete"]`, "ann"},
	{"/rules/" + otherRule + "/history", `a[href*="/revert"]`, "ann"},
	{"/rules/drop-debug", `form[method=post]:not([action="/logout"]), a[href$="/edit"], a[href$="/delete"]`, ""},
	{"/profile/metric?metric=up", `a[href^="/rules/new"]`, "ed ann"},
	{"/profile/series?match=up", `a[href^="/rules/new"]`, "ed ann"},
	{"/recommendations", `a[href^="/rules/new"]`, "ed ann"},
	{"/rules/new", `form#rule`, "ed ann"},
	{"/rules/" + ownRule + "/edit", `form#rule`, "ed ann"},
	{"/rules/" + otherRule + "/edit", `form#rule`, "ann"},
	{"/rules/" + ownRule + "/delete", `form.card[method=post]`, "ed ann"},
	{"/rules/" + otherRule + "/delete", `form.card[method=post]`, "ann"},
	{"/rules/" + otherRule + "/revert?to=%d", `form.card[method=post]`, "ann"},
	{"/status", `form[action^="/status/bypass"]`, "ann"},
	{"/status", `a[href="/debug/pprof/"]`, "ann"},
	{"/status", `a[href="/metrics"]`, "val ed fin ann"},
	{"/activity", `a[href^="/activity/audit"]`, "fin ann"},
	{"/activity/audit", `form.filter`, "fin ann"},
	{"/tokens", `form[action="/tokens"]`, "ann"},
	{"/teams", `a[href="/teams.csv"]`, "val ed fin ann"},
	{"/costs", `a[href*="format=csv"]`, "val ed fin ann"},
}

// A deed is what a form asks for, which does it for those who may.
type deed struct {
	path string
	form url.Values
	who  string
}

// deeds are all that forms can ask for, in an order in which each can be done.
func deeds(t *testing.T, h *controltest.Headgate) (list []deed) {
	t.Helper()
	for _, rule := range []struct{ name, who string }{{ownRule, "ed ann"}, {otherRule, "ann"}} {
		path := "/rules/" + rule.name
		list = append(list,
			deed{path + "/mode", url.Values{"mode": {"off"}}, rule.who},
			deed{path + "/edit", formOf(rule.name, "reason", "another"), rule.who},
			deed{path + "/revert", url.Values{"to": {fmt.Sprint(firstRevision(t, h, rule.name))}}, rule.who},
			deed{path + "/delete", url.Values{}, rule.who},
		)
	}
	return append(list,
		deed{"/rules/new", formOf("new-one", "team", "checkout"), "ed ann"},
		deed{"/rules/new", formOf("new-two", "team", ""), "ann"},
		deed{"/limits/billing/edit", url.Values{"samples_per_second": {"10"}, "mode": {"shadow"}, "reason": {"INC-1"}}, "ann"},
		deed{"/limits/billing/delete", url.Values{"reason": {"INC-1"}}, "ann"},
		deed{"/status/bypass", url.Values{"for": {"1h"}, "reason": {"INC-1"}}, "ann"},
		deed{"/status/bypass/end", url.Values{}, "ann"},
		deed{"/tokens", url.Values{"name": {"ci"}, "role": {"viewer"}, "expires": {"7d"}}, "ann"},
		deed{"/tokens/" + tokenOf(t, h) + "/revoke", url.Values{}, "ann"},
	)
}

// formOf is the form of a rule, with one field of its own.
func formOf(name, field, value string) url.Values {
	q := url.Values{"name": {name}, "match": {`up{job="nothing"}`}, "action": {"drop"}, "mode": {"shadow"}, "team": {strings.TrimPrefix(name, "of-")}}
	q.Set(field, value)
	return q
}

// prepare makes the rules and the token that deeds are about anew.
func prepare(t *testing.T, h *controltest.Headgate) {
	t.Helper()
	for _, name := range []string{ownRule, otherRule, "new-one", "new-two"} {
		if _, err := h.Rule(name); err == nil {
			if err := h.DeleteRule(t.Context(), name, control.RuleChange{Change: control.Change{Revision: control.AnyRevision}}); err != nil {
				t.Fatal(err)
			}
		}
		if !strings.HasPrefix(name, "of-") {
			continue
		}
		s := rules.Spec{Name: name, Match: rules.Selectors{`up{job="nothing"}`}, Action: "drop", Mode: "shadow", Team: strings.TrimPrefix(name, "of-")}
		r, err := h.CreateRule(t.Context(), s, control.RuleChange{})
		if err != nil {
			t.Fatal(err)
		}
		s.Reason = "there was none"
		if _, err := h.SaveRule(t.Context(), s, control.RuleChange{Change: control.Change{Revision: r.Revision}}); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := h.CreateToken(t.Context(), control.Token{Name: "cron", Role: auth.Viewer}); err != nil {
		t.Fatal(err)
	}
}

// firstRevision is what a rule can be reverted to.
func firstRevision(t *testing.T, h *controltest.Headgate, name string) int64 {
	t.Helper()
	r, err := h.Rule(name)
	if err != nil {
		t.Fatal(err)
	}
	past, err := h.RuleHistory(t.Context(), name, 10, "")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range past.History {
		if c.Revision != r.Revision && len(c.After) > 0 {
			return c.Revision
		}
	}
	t.Fatalf("the rule %s has no revision to go back to", name)
	return 0
}

func tokenOf(t *testing.T, h *controltest.Headgate) string {
	t.Helper()
	list, err := h.Tokens(t.Context())
	if err != nil || len(list) == 0 {
		t.Fatalf("there are the tokens %v, %v", list, err)
	}
	return list[len(list)-1].ID
}

// stateOf is all that deeds change, in words.
func stateOf(t *testing.T, h *controltest.Headgate) string {
	t.Helper()
	var b strings.Builder
	for _, r := range h.List() {
		fmt.Fprintln(&b, r.Rule.Name, r.Revision)
	}
	list, err := h.Tokens(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, token := range list {
		fmt.Fprintln(&b, token.ID)
	}
	for _, l := range h.Limits(control.LimitsQuery{}).Limits {
		fmt.Fprintln(&b, l.Tenant, l.Revision)
	}
	fmt.Fprintln(&b, h.Bypass() != nil)
	return b.String()
}

// send posts a form as a script of the page would, and returns the status of the
// answer behind all redirects.
func (v *visitor) send(path string, form url.Values) int {
	v.t.Helper()
	return eval[int](v.t, v.ctx, `fetch(`+strconv.Quote(path)+`, {method: 'POST', headers: {'Content-Type': 'application/x-www-form-urlencoded'}, body: `+strconv.Quote(form.Encode())+`}).then(r => r.status)`)
}

// submit posts a form that was put into the page, as its button would.
func (v *visitor) submit(path string, form url.Values) {
	v.t.Helper()
	eval[bool](v.t, v.ctx, `(() => {
		const form = document.createElement('form');
		form.method = 'post';
		form.action = `+strconv.Quote(path)+`;
		for (const [name, value] of new URLSearchParams(`+strconv.Quote(form.Encode())+`)) {
			const input = document.createElement('input');
			[input.name, input.value] = [name, value];
			form.append(input);
		}
		document.body.append(form);
		form.submit();
		return true;
	})()`)
}

func TestWhatEachRoleSeesAndMayDo(t *testing.T) {
	h := controltest.Shop(t, 300)
	address := serveTo(t, h)
	for _, name := range []string{"val", "fin", "ed", "ann"} {
		t.Run(name, func(t *testing.T) {
			prepare(t, h)
			v := visit(t, true)
			v.signIn(address, name)
			places := []string{"Overview", "Metrics", "Rules", "Recommendations", "Limits", "Teams & cost", "Explain", "Activity", "Status"}
			if name == "ann" {
				places = append(places, "Tokens")
			}
			if got := v.texts(".places a"); !slices.Equal(got, places) {
				t.Errorf("the navigation leads to %q, want %q", got, places)
			}
			at := ""
			for _, o := range offers {
				if page := strings.ReplaceAll(o.page, "%d", fmt.Sprint(firstRevision(t, h, otherRule))); page != at {
					v.open(address + page)
					at = page
				}
				if got, want := len(v.texts(o.selector)) > 0, slices.Contains(strings.Fields(o.who), name); got != want {
					t.Errorf("%s has %s: %v, want %v", at, o.selector, got, want)
				}
			}
			var paths []string
			for _, d := range deeds(t, h) {
				paths = append(paths, d.path)
				d.form.Set("revision", revisionOf(h, d.path))
				if slices.Contains(strings.Fields(d.who), name) {
					if status := v.send(d.path, d.form); status >= 400 {
						t.Errorf("POST %s: %d, and it may", d.path, status)
					}
					continue
				}
				before := stateOf(t, h)
				if status := v.send(d.path, d.form); status != http.StatusForbidden {
					t.Errorf("POST %s: %d, want 403", d.path, status)
				}
				v.submit(d.path, d.form)
				until(t, v.ctx, `document.readyState === 'complete' && !document.querySelector('body > form') && document.querySelector('main').textContent.includes('may ')`)
				if after := stateOf(t, h); after != before {
					t.Errorf("POST %s changes\n%s into\n%s", d.path, before, after)
				}
			}
			wantEveryRoute(t, http.MethodPost, paths)
		})
	}
}

// revisionOf is that of the rule or the limit that a path is of, "" where it is of
// neither.
func revisionOf(h *controltest.Headgate, path string) string {
	if rest, ok := strings.CutPrefix(path, "/limits/"); ok {
		tenant, _, _ := strings.Cut(rest, "/")
		l, err := h.Limit(tenant)
		if err != nil {
			return ""
		}
		return strconv.FormatInt(l.Revision, 10)
	}
	name, _, _ := strings.Cut(strings.TrimPrefix(path, "/rules/"), "/")
	r, err := h.Rule(name)
	if err != nil || r.Revision == 0 {
		return ""
	}
	return strconv.FormatInt(r.Revision, 10)
}
