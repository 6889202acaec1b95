package ui

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/headgate/headgate/internal/auth"
	"github.com/headgate/headgate/internal/control"
	"github.com/headgate/headgate/internal/control/controltest"
	"github.com/headgate/headgate/internal/tenant"
)

// card returns what a card of a page says, by its heading's id.
func card(t *testing.T, doc *html.Node, id string) string {
	t.Helper()
	for _, s := range find(doc, "section") {
		if attribute(s, "aria-labelledby") == id {
			return strings.ReplaceAll(textOf(s), "\u202f", " ")
		}
	}
	t.Fatalf("the page has no card %s", id)
	return ""
}

func wantCard(t *testing.T, doc *html.Node, id string, says ...string) {
	t.Helper()
	text := card(t, doc, id)
	for _, want := range says {
		if !strings.Contains(text, want) {
			t.Errorf("the card %s does not say %q; it says %q", id, want, text)
		}
	}
}

func TestTheUpstreamsCardFollowsTheUpstream(t *testing.T) {
	empty := New(controltest.New(t, controltest.Config{}).Control, Options{})
	wantCard(t, wantPage(t, empty, "/status", http.StatusOK), "upstreams", "not asked yet", "none yet", "no request")

	g := controltest.Shop(t, 10)
	h := New(g.Control, Options{})
	wantCard(t, wantPage(t, h, "/status", http.StatusOK), "upstreams", "answers", "204 No Content", "0 % of", "http://127.0.0.1:")
	g.Break(true)
	g.Trade(t, 10)
	doc := wantPage(t, h, "/status", http.StatusOK)
	wantCard(t, doc, "upstreams", "failing since 20", "503 Service Unavailable")
	wantText(t, doc, "div.bad", "Upstream failing")
	g.Break(false)
	g.Trade(t, 10)
	wantCard(t, wantPage(t, h, "/status", http.StatusOK), "upstreams", "fails at times", "204 No Content")
}

func TestTheConfigurationCardSaysWhatIsInForce(t *testing.T) {
	g := controltest.Shop(t, 10)
	h := New(g.Control, Options{})
	doc := wantPage(t, h, "/status", http.StatusOK)
	wantCard(t, doc, "configuration", "in force", "headgate.yml", "00c0ffee0001", "every sender is trusted", "https://<secret>@store.example")
	if strings.Contains(card(t, doc, "configuration"), "could not be used") {
		t.Error("a configuration that is in force is said to fail")
	}
	g.InForce.Failure, g.InForce.FailedAt = "headgate.yml:3:1: unknown key \"<script>\"", time.Now()
	g.InForce.Waiting = []string{"profiler", "storage"}
	wantCard(t, wantPage(t, h, "/status", http.StatusOK), "configuration", "the one before is in force", "headgate.yml:3:1: unknown key \"<script>\"",
		"A restart puts in force what the file says of profiler, storage.")
	for _, a := range []auth.Actor{{Name: "vic", Role: auth.Viewer}, {Name: "ann", Role: auth.Admin, Tenants: []tenant.ID{"payments"}}} {
		if body := as(h, a, "/status").Body.String(); strings.Contains(body, "store.example") || strings.Contains(body, "unknown key") || strings.Contains(body, "127.0.0.1:") && !a.SeesAll() {
			t.Errorf("%s sees the configuration or the upstream's address", a.Name)
		}
	}
}

func TestAConfigurationThatIsLongIsCut(t *testing.T) {
	r := asking(t, "/status", Options{})
	v := configurationOf(r, control.Configuration{Text: strings.Repeat("ä: 1\n", maxConfiguration)})
	if len(v.Text.Text) > maxConfiguration+200 || !strings.Contains(v.Text.Text, "more: /api/v1/status has all") {
		t.Errorf("%d bytes are shown, to %q", len(v.Text.Text), v.Text.Text[len(v.Text.Text)-100:])
	}
}

func TestTheTenantsCardShowsWhatEachMaySendAndSends(t *testing.T) {
	g := controltest.Shop(t, 10)
	g.InForce.Credentials = []control.Credential{
		{Kind: control.BearerToken, Tenants: []tenant.ID{"payments", "silent"}}, {Kind: control.BearerToken, Tenants: []tenant.ID{"payments"}}, {Kind: control.BasicAuth, Tenants: []tenant.ID{"payments"}},
	}
	h := New(g.Control, Options{})
	doc := wantPage(t, h, "/status", http.StatusOK)
	wantCard(t, doc, "tenants-card", "payments", "40 samples/s", "bearer token × 2, basic auth", "silent not lately", "default", "50 000 samples/s 500 000 series")
	ann := auth.Actor{Name: "ann", Role: auth.Viewer, Tenants: []tenant.ID{"payments"}}
	if body := as(h, ann, "/status").Body.String(); strings.Contains(body, "silent") || strings.Contains(body, "50\u202f000") {
		t.Error("who sees one tenant sees others' credentials or limits")
	}
	wantCard(t, wantPage(t, New(controltest.New(t, controltest.Config{}).Control, Options{}), "/status", http.StatusOK), "tenants-card", "No tenant has sent anything yet")
}

func TestManyTenantsAreCut(t *testing.T) {
	r := asking(t, "/status", Options{})
	v := newSendersView(r, make([]control.Sender, sendersShown+7), 5)
	if len(v.Rows) != sendersShown || v.More != "12 more tenants" {
		t.Errorf("%d tenants are shown and %q, want %d and the other 12", len(v.Rows), v.More, sendersShown)
	}
}

func TestTheLedgerCardSaysHowFarItIsBehind(t *testing.T) {
	r := asking(t, "/status", Options{})
	for name, tt := range map[string]struct {
		state control.LedgerState
		open  bool
		want  string
	}{
		"at first":                  {control.LedgerState{}, true, "Its store is open; Stored nothing yet; Waiting 0 samples in 0 cells"},
		"its store is not open":     {control.LedgerState{Waiting: 7, Cells: 2}, false, "Its store is not open: it is tried again, and what was counted waits in memory; Stored nothing yet; Waiting 7 samples in 2 cells"},
		"its store takes nothing":   {control.LedgerState{Attempts: 3, Err: http.ErrHandlerTimeout}, true, "Its store is open; Stored nothing yet; Waiting 0 samples in 0 cells; Failing the store took nothing 3 times; nothing is lost meanwhile, and the log says why"},
		"more names than there fit": {control.LedgerState{Folded: 9}, true, "Its store is open; Stored nothing yet; Waiting 0 samples in 0 cells; Without names 9 samples stand under __overflow__: there were more names than fit while the store took nothing"},
	} {
		var words []string
		for _, f := range ledgerFacts(r, tt.state, tt.open) {
			words = append(words, f.Name+" "+f.Text)
		}
		if got := strings.Join(words, "; "); got != tt.want {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
}

func TestTheOtherCardsOfTheStatus(t *testing.T) {
	h := New(controltest.Paying(t).Control, Options{})
	doc := wantPage(t, h, "/status", http.StatusOK)
	wantCard(t, doc, "catalogs", "names")
	wantCard(t, doc, "build", "Version", "Go go")
	wantCard(t, doc, "store", "takes what is given to it", "Events lost 0")
	wantCard(t, doc, "bypass", "off", "Rules and limits act.")
	wantCard(t, doc, "also", "The API, described")
}

func TestProblemsOfFilesAreNamedByLine(t *testing.T) {
	texts, more := problemLines([]problemText{"catalog.yml:7:3: no owner", problemText(strings.Repeat("x", 1000))})
	if len(texts) != 2 || texts[0] != "catalog.yml:7:3: no owner" || len(texts[1]) > 600 || more != "" {
		t.Errorf("the problems are %q and %q", texts, more)
	}
	if texts, more = problemLines(make([]problemText, maxProblems+3)); len(texts) != maxProblems || more != "3 more" {
		t.Errorf("%d problems are shown and %q", len(texts), more)
	}
}

type problemText string

func (p problemText) String() string { return string(p) }

func TestTheStateOfAnUpstreamInAWord(t *testing.T) {
	now := time.Now()
	for want, u := range map[string]control.Upstream{
		"not asked yet":  {},
		"answers":        {At: now, Requests: 3},
		"idle":           {At: now},
		"fails at times": {At: now, Requests: 3, Failed: 1},
		"refuses some":   {At: now, Requests: 3, Refused: 1},
		"failing":        {At: now, Requests: 3, Failed: 1, FailingSince: now},
	} {
		if got := upstreamState(u).Text; got != want {
			t.Errorf("%+v is %q, want %q", u, got, want)
		}
	}
	list := []control.Upstream{{At: now}, {At: now, FailingSince: now}}
	if got := upstreamStat(list); got.Note != "1 failing" || got.Tone != "bad" {
		t.Errorf("two of which one fails are %+v", got)
	}
	for d, want := range map[time.Duration]string{0: "–", time.Microsecond: "<1 ms", 15 * time.Millisecond: "15 ms", 2100 * time.Millisecond: "2.1 s"} {
		if got := took(d); got != want {
			t.Errorf("%s is written %q, want %q", d, got, want)
		}
	}
}
