package control

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/headgate/headgate/internal/auth"
	"github.com/headgate/headgate/internal/series"
	"github.com/headgate/headgate/internal/tenant"
)

func TestExplainHasRateAndCost(t *testing.T) {
	const inForce = "  - {name: d, match: 'calls{team=\"pay\"}', action: drop}\n  - {name: t, match: 'calls{team=\"ops\"}', action: downsample, interval: 60s}\n"
	s := seeing(t, 0, inForce)
	s.learn(t, "a", sending(t, 15, `calls{team="shop"}`, `calls{team="pay"}`, `calls{team="ops"}`), inForce)
	// A thousandth of 2, and the samples of 730 hours at 0.1 a million.
	cost := func(perSecond float64) float64 { return 2000 + perSecond*730*3600*0.1 }
	for _, tt := range []struct {
		name, series             string
		perSecond, passing, cost float64
		note                     string
	}{
		{"a series that passes", `calls{team="shop"}`, 1. / 15, 1. / 15, cost(1. / 15), ""},
		{"the same as JSON", `{"__name__":"calls","team":"shop","absent":""}`, 1. / 15, 1. / 15, cost(1. / 15), ""},
		{"one that is dropped", `calls{team="pay"}`, 1. / 15, 0, 0, "mean of its metric's series"},
		{"one that is thinned", `calls{team="ops"}`, 1. / 15, 1. / 60, cost(1. / 60), "mean of its metric's series"},
		{"one never seen", `calls{team="none"}`, 0, 0, 0, "was not received within the last 1h"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			x, err := s.Explain("a", tt.series)
			if err != nil {
				t.Fatal(err)
			}
			if !near(x.PerSecond, tt.perSecond) || !near(x.Passing, tt.passing) || float64(x.Cost) != float64(int64(tt.cost+0.5)) || !strings.Contains(strings.Join(x.Notes, " "), tt.note) || (len(x.Notes) > 0) != (tt.note != "") {
				t.Errorf("%v samples/s, %v pass, cost %s %s, notes %q; want %v, %v and %v", x.PerSecond, x.Passing, x.Cost, x.Currency, x.Notes, tt.perSecond, tt.passing, tt.cost/1e6)
			}
		})
	}
	c := s.As(auth.Actor{Role: auth.Viewer, Tenants: []tenant.ID{"b"}})
	if _, err := c.Explain("a", "up"); err == nil {
		t.Error("a series of a tenant that the actor may not ask about is explained")
	}
}

func TestSeriesAsJSONAreChecked(t *testing.T) {
	for _, text := range []string{
		`{}`, `[]`, `7`, `{"a":1}`, `{"a":{"b":"c"}}`, `{"a":["b"]}`, `{"a":null}`, `{"a":"b","a":"c"}`, `{"":""}`, `"up"`, `null`,
		`{"a":"` + strings.Repeat("x", maxSeriesBytes) + `"}`, "{\"a\":\"\xff\"}",
	} {
		_, err := ParseSeries(text)
		if invalid, ok := errors.AsType[*Invalid](err); !ok || invalid.Field != "series" {
			t.Errorf("%.40s: %v, want it to be invalid", text, err)
		}
	}
}

// Whatever is pasted is a series or an error, and a series reads the same in both
// forms.
func FuzzParseSeries(f *testing.F) {
	for _, text := range []string{`up{job="a"}`, `{"__name__":"up","job":"a"}`, `{"up","a b"="c"}`, `{}`, `{"a":{"b":[1]}}`, `{"a":"\u0000"}`} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		ls, err := ParseSeries(text)
		if err != nil {
			return
		}
		if len(ls) == 0 {
			t.Fatal("a series without labels")
		}
		object := map[string]string{}
		for i, l := range ls {
			if l.Value == "" {
				return // PromQL writes labels that are absent, too
			}
			if i > 0 && ls[i-1].Name >= l.Name {
				t.Fatalf("labels of %q are not in order", text)
			}
			object[l.Name] = l.Value
		}
		b, err := json.Marshal(object)
		if err != nil {
			t.Fatal(err)
		}
		again, err := ParseSeries(string(b))
		if err != nil || again.String() != series.Labels(ls).String() {
			t.Fatalf("%q reads as %v, and as JSON as %v, %v", text, ls, again, err)
		}
	})
}
