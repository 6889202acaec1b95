package api

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/headgate/headgate/internal/control/controltest"
	"github.com/headgate/headgate/internal/series"
)

// questions are the parameters that operations cannot do without, by name.
var questions = map[string]string{
	"metric": "http_requests_total", "match": `{job="checkout"}`, "series": `http_requests_total{job="checkout"}`,
	"rule": "drop-sessions", "name": "drop-sessions", "team": "checkout", "tenant": "payments", "row": "team:checkout", "by": "team",
}

// Every answer is what the API's own document says, but for those of a store or a
// ledger that this gateway has not: whatever is read, with every parameter that it
// needs, of a shop whose ledger has two months.
func TestAnswersAreAsDescribed(t *testing.T) {
	mux := http.NewServeMux()
	a := humago.New(mux, config())
	c := controltest.Paying(t).Control
	register(a, c)
	h := actors(problems(mux))
	schemas := a.OpenAPI().Components.Schemas
	checked := 0
	for path, item := range a.OpenAPI().Paths {
		op := item.Get
		if op == nil {
			continue
		}
		t.Run(op.OperationID, func(t *testing.T) {
			query := url.Values{}
			for _, p := range op.Parameters {
				value, known := questions[p.Name]
				switch {
				case p.In == "path" && known:
					path = strings.ReplaceAll(path, "{"+p.Name+"}", url.PathEscape(value))
				case p.In == "query" && known && (p.Required || op.OperationID == "get-cost-figure" && (p.Name == "row" || p.Name == "by")):
					query.Set(p.Name, value)
				case p.Required:
					t.Fatalf("the test knows no value of %s", p.Name)
				}
			}
			rec := httptest.NewRecorder()
			h.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, path+"?"+query.Encode(), nil))
			if rec.Code == http.StatusServiceUnavailable || rec.Code == http.StatusNotFound {
				wantProblem(t, rec, rec.Code)
				return
			}
			if rec.Code != http.StatusOK {
				t.Fatalf("answered %d: %s", rec.Code, rec.Body)
			}
			content := op.Responses["200"].Content["application/json"]
			if content == nil {
				t.Fatal("an answer of JSON is not described")
			}
			var answer any
			if err := json.Unmarshal(rec.Body.Bytes(), &answer); err != nil {
				t.Fatal(err)
			}
			res := &huma.ValidateResult{}
			huma.Validate(schemas, content.Schema, huma.NewPathBuffer(nil, 0), huma.ModeReadFromServer, answer, res)
			for _, err := range res.Errors[:min(5, len(res.Errors))] {
				t.Errorf("%v in %.500s", err, rec.Body)
			}
			checked++
		})
	}
	if checked < 25 {
		t.Errorf("%d answers were compared, want nearly all", checked)
	}
}

// A limit that is only tried is answered with its effect, as the document says, and
// nothing is changed.
func TestALimitThatIsTriedIsAnsweredWithItsEffect(t *testing.T) {
	shop := controltest.Shop(t, 100)
	for i := range 2 {
		shop.Send(t, "billing", time.Now().Add(time.Duration(i)*time.Second), controltest.Many("invoices_total", 300, series.Label{Name: "job", Value: "batch"})...)
		shop.Measure(t)
	}
	mux := http.NewServeMux()
	a := humago.New(mux, config())
	register(a, shop.Control)
	h := actors(problems(mux))
	put := func(query, match, body string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(http.MethodPut, Prefix+"/limits/billing?"+query, strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("If-Match", match)
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, r)
		return rec
	}
	rec := put("dry_run=true", `"0"`, `{"samples_per_second":1,"active_series":200,"pools":[{"name":"a","share":0.5,"match":"{job=\"batch\"}"}]}`)
	if rec.Code != http.StatusOK {
		t.Fatalf("answered %d: %s", rec.Code, rec.Body)
	}
	var answer any
	if err := json.Unmarshal(rec.Body.Bytes(), &answer); err != nil {
		t.Fatal(err)
	}
	res := &huma.ValidateResult{}
	schema := a.OpenAPI().Paths[Prefix+"/limits/{tenant}"].Put.Responses["200"].Content["application/json"].Schema
	huma.Validate(a.OpenAPI().Components.Schemas, schema, huma.NewPathBuffer(nil, 0), huma.ModeReadFromServer, answer, res)
	for _, err := range res.Errors {
		t.Errorf("%v in %.500s", err, rec.Body)
	}
	var l Limit
	if err := json.Unmarshal(rec.Body.Bytes(), &l); err != nil {
		t.Fatal(err)
	}
	if l.SamplesPerSecond != 1 || l.Effect == nil || !l.Effect.Then.Over || l.Effect.Then.Shed <= 0 || len(l.Effect.Teams) != 1 || len(l.Effect.Active[0].Rooms) != 4 {
		t.Errorf("the limit would be %+v, its effect %+v: want it exceeded", l, l.Effect)
	}
	if rec := put("dry_run=true", `"7"`, `{}`); rec.Code != http.StatusPreconditionFailed {
		t.Errorf("a trial at a revision that never was: %d, want 412", rec.Code)
	}
	var is Limit
	get(t, h, "/limits/billing", nil, &is)
	if is.Source != "default" || is.Effect != nil {
		t.Errorf("after the trial the limit is %+v, want that of default", is)
	}
	if rec := put("reason=INC-9", `"0"`, `{"samples_per_second":5000}`); rec.Code != http.StatusOK {
		t.Fatalf("answered %d: %s", rec.Code, rec.Body)
	}
	r := httptest.NewRequest(http.MethodDelete, Prefix+"/limits/billing?dry_run=true", nil)
	r.Header.Set("If-Match", "*")
	rec = httptest.NewRecorder()
	if h.ServeHTTP(rec, r); rec.Code != http.StatusNoContent {
		t.Errorf("a trial to delete: %d %s", rec.Code, rec.Body)
	}
	if get(t, h, "/limits/billing", nil, &is); is.SamplesPerSecond != 5000 || is.Source != "api" {
		t.Errorf("after the trial to delete the limit is %+v, want it still there", is)
	}
	var log struct {
		Audit      []AuditEntry `json:"audit"`
		NextCursor string       `json:"next_cursor"`
	}
	if get(t, h, "/audit", nil, &log); len(log.Audit) == 0 || log.Audit[0].Reason != "INC-9" {
		t.Errorf("the audit is %+v, want the reason of the last change first", log)
	}
}
