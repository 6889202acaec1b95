package main

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/headgate/headgate/internal/api"
)

// A cost transcript is a txtar file: args of headgate cost, what the gateway answers,
// or the problem it refuses with, what it is asked, and what is to be seen.
func TestCostTranscripts(t *testing.T) {
	files, err := filepath.Glob("testdata/cost/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("transcripts: %v, %v", files, err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) { runCostTranscript(t, file) })
	}
}

func runCostTranscript(t *testing.T, file string) {
	a, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	sections := map[string]string{}
	for _, f := range a.Files {
		sections[f.Name] = string(f.Data)
	}
	asked := ""
	gateway := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		asked += r.URL.RequestURI() + "\n"
		if problem, ok := sections["problem"]; ok {
			rw.WriteHeader(http.StatusUnprocessableEntity)
			fmt.Fprint(rw, problem)
			return
		}
		fmt.Fprint(rw, sections["answer"])
	}))
	defer gateway.Close()

	var stdout, stderr bytes.Buffer
	code := run(t.Context(), append([]string{"cost", "--url=" + gateway.URL}, strings.Fields(sections["args"])...), &stdout, &stderr)
	if failed := stderr.Len() > 0; failed != (code != exitOK) {
		t.Errorf("cost ends with %d and says %q", code, &stderr)
	}
	for i, f := range a.Files {
		text := stdout.String() + stderr.String()
		switch f.Name {
		case "asked":
			text = asked
		case "want":
		default:
			continue
		}
		if *update {
			a.Files[i].Data = []byte(text)
		} else if diff := cmp.Diff(string(f.Data), text); diff != "" {
			t.Errorf("%s (-want +got):\n%s", f.Name, diff)
		}
	}
	if *update {
		if err := os.WriteFile(file, txtar.Format(a), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// What a sender wrote comes back as a report: every sample, by its team and metric,
// at its price.
func TestCostsOfWhatWasSent(t *testing.T) {
	up := newStore(t)
	const more = "attribution: {owners: [{match: '{__name__=\"up\"}', team: alpha}], shared: keep, ledger: {flush_interval: 1s}, " +
		"prices: {currency: USD, per_million_samples: 1000000, per_thousand_series_month: 0}}\n"
	r := launch(t, map[string]string{"headgate.yml": configFor(up.URL, more)}, "--config.file=DIR/headgate.yml")
	r.wantSent(wire1, wire1.body(t, 61_000, "up", "stray", "other"))
	r.wantSent(wire1, wire1.body(t, 62_000, "up"))
	var c api.Costs
	eventually(t, "the ledger holds what was sent", func() bool {
		r.read("/api/v1/costs?by=team", &c)
		return c.Total == 4_000_000
	})
	if len(c.Rows) != 2 || *c.Rows[0].Team != "alpha" && *c.Rows[1].Team != "alpha" || c.Rows[0].Cost != 2_000_000 || c.Rows[1].Cost != 2_000_000 || c.Coverage != 0.5 {
		t.Errorf("the report is %+v, want alpha's two samples and two of nobody's", c)
	}
	var f api.Flow
	r.read("/api/v1/flow?by=metric&from="+url.QueryEscape(c.From.Format(time.RFC3339)), &f)
	if f.Received != 4 || f.Forwarded != 4 || len(f.Rows) != 3 || *f.Rows[0].Metric != "up" {
		t.Errorf("the flow by the ledger is %+v, want four samples of three metrics", f)
	}
	var team api.TeamDetail
	r.read("/api/v1/teams/alpha", &team)
	if team.Total != 2_000_000 || len(team.Metrics) != 1 || team.Metrics[0].Name != "up" {
		t.Errorf("the team is %+v, want what up costs", team)
	}
	var unowned api.Unowned
	r.read("/api/v1/unowned", &unowned)
	if unowned.Series != 2 || unowned.Month == nil || *unowned.Month != 2_000_000 || *unowned.Coverage != 0.5 {
		t.Errorf("nobody owns %+v, want two series", unowned)
	}
	var page api.MetricsPage
	r.read("/api/v1/profile/metrics?sort=cost", &page)
	if len(page.Metrics) != 3 || page.Currency != "USD" || page.Metrics[0].CostPerMonth == nil {
		t.Errorf("metrics by cost are %+v", page)
	}
}
