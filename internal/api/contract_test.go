package api

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/headgate/headgate/internal/control/controltest"
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
