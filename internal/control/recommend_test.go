package control

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/headgate/headgate/rules"
)

// recommended are series that each kind of recommendation is about, every ten
// seconds: requests by a random identity, gauges by a pair of servers, and some that
// nothing is to be said of.
func recommended() []string {
	var texts []string
	for i := range 300 {
		texts = append(texts, fmt.Sprintf(`requests{pod="p-%d",id="%08x-1b4e-4c5d-8a9b-%012x"}`, i%3, i*2654435761%(1<<32), i))
	}
	for i := range 20 {
		for _, replica := range []string{"prom-a", "prom-b"} {
			texts = append(texts, fmt.Sprintf(`disk_used{disk="d-%d",prometheus_replica=%q}`, i, replica))
		}
	}
	for i := range 3 {
		texts = append(texts, fmt.Sprintf(`few{pod="p-%d"}`, i))
	}
	return texts
}

func TestRecommendations(t *testing.T) {
	c := profiling(t, "a", recommended()...)
	kinds := func(r Recommendations) (list []string) {
		for _, x := range r.List {
			list = append(list, fmt.Sprintf("%s %s%s %v", x.Kind, x.Metric, x.Label, x.Preview.Removed.Value))
		}
		slices.Sort(list)
		return list
	}
	found, err := c.Recommend(t.Context(), RecommendQuery{Tenant: "a"})
	if err != nil {
		t.Fatal(err)
	}
	all := []string{"duplicate prometheus_replica 20", "explosive requestsid 300", "frequent disk_used 0", "frequent requests 0"}
	if diff := cmp.Diff(all, kinds(found)); diff != "" || len(found.Notes) != 1 || !strings.Contains(found.Notes[0], "not known what uses a series") {
		t.Errorf("recommendations (-want +got):\n%s\nnotes %q", diff, found.Notes)
	}
	for i, r := range found.List {
		if r.Kind == Frequent && r.Metric == "requests" && r.Preview.SamplesRemoved.Value != 300*(1./10-1./30) && !near(r.Preview.SamplesRemoved.Value, 20) {
			t.Errorf("thinning removes %v", r.Preview.SamplesRemoved)
		}
		if i > 0 && r.Preview.SamplesRemoved.Value > found.List[i-1].Preview.SamplesRemoved.Value {
			t.Errorf("%s saves more than the one before it", r.Text)
		}
		parsed, problems := rules.ParseFile("r.yml", []byte(r.YAML))
		if len(problems) > 0 || len(parsed) != 1 || parsed[0].Mode != rules.Shadow || parsed[0].Tenant != "a" {
			t.Errorf("the rule of %s is %v, %v", r.Text, parsed, problems)
		}
	}
	explosive := found.List[slices.IndexFunc(found.List, func(r Recommendation) bool { return r.Kind == Explosive })]
	want := "metric_relabel_configs:\n    - source_labels: [__name__]\n      regex: requests\n      target_label: id\n      replacement: \"\"\n"
	if diff := cmp.Diff(want, explosive.Source); diff != "" || !strings.Contains(explosive.Warning, "300 series become 3: those of one target that differ by nothing else collide") {
		t.Errorf("source (-want +got):\n%s\nwarning %s", diff, explosive.Warning)
	}
	if !strings.Contains(explosive.Rule.Match[0], `id=~"[0-9a-fA-F]{8}`) {
		t.Errorf("the rule matches %s, want uuids", explosive.Rule.Match)
	}

	t.Run("of a team", func(t *testing.T) {
		for team, n := range map[string]int{"shop": 4, "pay": 0} {
			found, err := c.Recommend(t.Context(), RecommendQuery{Tenant: "a", Team: team})
			if err != nil || len(found.List) != n {
				t.Errorf("team %s: %v, %v; want %d", team, kinds(found), err, n)
			}
			for _, r := range found.List {
				if r.Rule.Team != team {
					t.Errorf("the rule acts on team %q", r.Rule.Team)
				}
			}
		}
	})
	t.Run("what is used is left alone", func(t *testing.T) {
		used := New(c.parts)
		used.parts.Usage = asking(t, map[string]string{"Full": "disk_used > 90", "Down": "sum by (id) (requests) == 0"})
		found, err := used.Recommend(t.Context(), RecommendQuery{Tenant: "a"})
		if err != nil || len(found.Notes) != 0 {
			t.Fatal(err, found.Notes)
		}
		if diff := cmp.Diff([]string{"frequent disk_used 0", "frequent requests 0"}, kinds(found)); diff != "" {
			t.Errorf("recommendations (-want +got):\n%s", diff)
		}
	})
	t.Run("what nothing uses may go", func(t *testing.T) {
		unused := New(c.parts)
		unused.parts.Usage = asking(t, map[string]string{"Other": `other{prometheus_replica=""} > 0`})
		found, err := unused.Recommend(t.Context(), RecommendQuery{Tenant: "a", Limit: 40})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(slices.Concat(all, []string{"unused disk_used 40", "unused requests 300"}), kinds(found)); diff != "" {
			t.Errorf("recommendations (-want +got):\n%s", diff)
		}
	})
}

// Rules of histograms take whole families.
func TestRecommendationsKeepFamiliesWhole(t *testing.T) {
	var texts []string
	for i := range 12 {
		for _, le := range []string{"1", "5", "+Inf"} {
			texts = append(texts, fmt.Sprintf(`wait_seconds_bucket{pod="p-%d",le=%q}`, i, le))
		}
		texts = append(texts, fmt.Sprintf(`wait_seconds_sum{pod="p-%d"}`, i), fmt.Sprintf(`wait_seconds_count{pod="p-%d"}`, i))
	}
	c := profiling(t, "a", texts...)
	c.parts.Usage = asking(t, map[string]string{"Other": `other{prometheus_replica=""} > 0`})
	found, err := c.Recommend(t.Context(), RecommendQuery{Tenant: "a"})
	if err != nil {
		t.Fatal(err)
	}
	if len(found.List) != 2 {
		t.Fatalf("%+v, want one to drop and one to thin", found.List)
	}
	for _, r := range found.List {
		if r.Preview.Matched.Value != 60 || len(r.Preview.Torn) > 0 || len(r.Rule.Match) != 3 {
			t.Errorf("%s: %v, matches %v and tears %v", r.Kind, r.Rule.Match, r.Preview.Matched, r.Preview.Torn)
		}
	}
	c.parts.Usage = asking(t, map[string]string{"Slow": "wait_seconds_count > 5"})
	found, err = c.Recommend(t.Context(), RecommendQuery{Tenant: "a"})
	if diff := cmp.Diff([]string{"buckets", "frequent"}, kindsAlone(found)); err != nil || diff != "" {
		t.Fatalf("with its count used: %v (-want +got):\n%s", err, diff)
	}
	if b := found.List[slices.IndexFunc(found.List, func(r Recommendation) bool { return r.Kind == Buckets })]; b.Preview.Removed.Value != 36 || len(b.Rule.Match) != 1 {
		t.Errorf("the buckets: %v removes %v, want the 36 series of the buckets alone", b.Rule.Match, b.Preview.Removed)
	}
	c.parts.Usage = asking(t, map[string]string{"Slow": "histogram_quantile(0.9, rate(wait_seconds_bucket[5m])) > 5"})
	if found, err = c.Recommend(t.Context(), RecommendQuery{Tenant: "a"}); err != nil || slices.ContainsFunc(found.List, func(r Recommendation) bool { return r.Kind != Frequent }) {
		t.Errorf("with its buckets used: %+v, %v; want nothing to be dropped", found.List, err)
	}
}

func kindsAlone(found Recommendations) (list []string) {
	for _, r := range found.List {
		list = append(list, r.Kind)
	}
	slices.Sort(list)
	return list
}

func TestRecommendationsOfHostileNames(t *testing.T) {
	var texts []string
	for i := range 120 {
		texts = append(texts, fmt.Sprintf("{\"a\\\"b\\\\'{}$\u202e: #\", \"l'\\\"\\n: -\"=\"%d\"}", i*7919))
	}
	c := profiling(t, "a", texts...)
	found, err := c.Recommend(t.Context(), RecommendQuery{Tenant: "a"})
	if err != nil || len(found.List) != 2 {
		t.Fatalf("%+v, %v; want two", found.List, err)
	}
	for _, r := range found.List {
		parsed, problems := rules.ParseFile("r.yml", []byte(r.YAML))
		if len(problems) > 0 || len(parsed) != 1 || r.Preview.Matched.Value != 120 {
			t.Errorf("%s: %v, matches %v", r.YAML, problems, r.Preview.Matched)
		}
	}
}
