package ui

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/a-h/templ"
	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files anew")

// Components are what their golden files say, hostile names and all.
func TestComponents(t *testing.T) {
	at := when{"2026-01-02T03:04:05Z", "2026-01-02 03:04:05 UTC", "5 s ago"}
	name := newNameView(`<script>alert("1")</script>`, "/x")
	for file, c := range map[string]templ.Component{
		"stat":   stat(statView{Label: "Active series", Value: "1 234", Error: "± 5", Unit: "series", Note: "within the window", Href: "/x", Tone: "warn", Spark: newSpark([]float64{1, 2}, "a line")}),
		"bar":    bar(barView{Share: 0.5, Error: 0.1, Title: "half"}),
		"badge":  badge(badgeView{"over", "bad", "It is over"}),
		"head":   head(headView{Title: name.Text, Code: true, Lead: "Lead.", AsOf: at, Tools: []toolView{{"CSV", "/x.csv"}}}),
		"pager":  pager(pagerView{"50 of 90", "/first", "/next"}),
		"empty":  empty(emptyView{Title: "Nothing", Text: []string{"Because."}, Link: "/x", Go: "Do it"}),
		"copy":   copyBlock(copyView{"id", "Title", "a: '<b>'\n", "Note."}),
		"sort":   sortHead(sortView{"Series", "of them", "/x", true}),
		"events": eventList([]eventView{{At: at, Kind: badgeView{"limit", "warn", ""}, Tenant: nameView{Text: "shop"}, Text: name.Text}}),
		"error":  errorPage(errorView{404, "Not found", name.Text, []crumb{{name.Text, "/rules"}}}),
		"filter": filter(filterView{Action: "/x", Keep: []param{{"tenant", `"`}}, Query: `{a="b"}`, Label: "Selector"}),
		"metrics": metricsTable(metricsTableView{Caption: "Metrics", Sorts: metricSortsView{Series: sortView{"Series", "", "/x", true}}, Rows: []metricRowView{
			{
				Name: name, Type: "counter", Series: "7", Error: "± 1", Share: barView{Share: 1, Title: "all"}, Samples: "3",
				Day: growthView{Text: "+5", Share: "+250 %", Title: "from 2 series", Tone: "warn"}, Week: growthView{Title: "not known yet"},
				Owner: linkView{Text: "several"}, Owners: "<b> 50 %", Used: usedView{Count: "2", Title: "read"}, Priority: "high",
				Status: []badgeView{{"dropped", "warn", "all"}}, Draft: "/x",
			},
		}, Sums: []metricSumView{{Text: "All 1 metric", Series: "7", Samples: "3"}}}),
		"limiteffect": limitEffect(limitEffectView{
			State: badgeView{"over", "bad", "Demand is over the limit"}, Lead: "Now nothing is shed.", Stats: []statView{{Label: "Shed", Value: "7"}},
			Parts: []limitPartView{{"default", "low", "9", "0", "7", barView{Share: 0.5, Title: "half"}, "50 %"}},
			Teams: []limitTeamView{{Name: name, Now: "0", Then: "7", ThenError: "± 1", Series: "70", SeriesNow: "0"}}, MoreTeams: "2 more teams lose less.",
			Rooms:       []limitRoomsView{{"Of 5 active series", []limitRoomView{{"low", "80", "all", "75"}}}},
			Suggestions: []suggestionView{{"samples per second", "1 200", "Because.", "/x"}}, Notes: []string{name.Text},
		}),
		"tenant": tenantForm(tenantsView{Action: "/x", Keep: []param{{"q", "up"}}, Current: "a'b", Names: []string{"a'b", "c"}, All: true}),
	} {
		t.Run(file, func(t *testing.T) {
			var b bytes.Buffer
			if err := c.Render(t.Context(), &b); err != nil {
				t.Fatal(err)
			}
			b.WriteByte('\n')
			golden := filepath.Join("testdata", file+".golden.html")
			if *update {
				if err := os.WriteFile(golden, b.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), b.String()); diff != "" {
				t.Errorf("(-want +got), rewrite with -update:\n%s", diff)
			}
		})
	}
}
