package rules

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
	"pgregory.net/rapid"
)

func TestSpecIsTheSameInJSONAndYAML(t *testing.T) {
	const asJSON = `{"name":"thin","tenant":"payments","match":"{a=\"b\"}","action":"downsample","interval":"60s",` +
		`"when":"over_limit","mode":"shadow","expires":"2027-01-01T00:00:00Z","team":"checkout","reason":"why"}`
	const asYAML = `name: thin
tenant: payments
match: '{a="b"}'
action: downsample
interval: 60s
when: over_limit
mode: shadow
expires: "2027-01-01T00:00:00Z"
team: checkout
reason: why
`
	var j, y Spec
	if err := json.Unmarshal([]byte(asJSON), &j); err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal([]byte(asYAML), &y); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(j, y); diff != "" {
		t.Errorf("JSON and YAML differ (-json +yaml):\n%s", diff)
	}
	if b, err := json.Marshal(j); err != nil || string(b) != asJSON {
		t.Errorf("JSON %s, %v; want %s", b, err, asJSON)
	}
	if b, err := yaml.Marshal(y); err != nil || string(b) != asYAML {
		t.Errorf("YAML %s, %v; want %s", b, err, asYAML)
	}
}

func TestSelectorsAreAStringOrAList(t *testing.T) {
	for text, want := range map[string]Selectors{`"up"`: {"up"}, `["up","down"]`: {"up", "down"}, `[]`: {}} {
		var j, y Selectors
		if err := json.Unmarshal([]byte(text), &j); err != nil {
			t.Error(err)
		}
		if err := yaml.Unmarshal([]byte(text), &y); err != nil {
			t.Error(err)
		}
		if !cmp.Equal(j, want) || !cmp.Equal(y, want) {
			t.Errorf("%s is %q in JSON and %q in YAML, want %q", text, j, y, want)
		}
	}
	var s Selectors
	if err := json.Unmarshal([]byte(`{"a":1}`), &s); err == nil {
		t.Error("an object was taken for selectors")
	}
}

func TestARulesSpecIsTheSameRule(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := drawRule(t, "a")
		again, errs := r.Spec().Rule()
		if len(errs) > 0 || !same(again, r) {
			t.Fatalf("%+v became %+v, %v", r, again, errs)
		}
		if errs := r.Validate(); errs != nil {
			t.Fatalf("a good rule has errors: %v", errs)
		}
	})
}

func TestValidateFindsWhatNoFileCanHold(t *testing.T) {
	r := mustRule(t, Spec{Name: "a", Match: Selectors{"up"}, Action: "drop"})
	for name, change := range map[string]func(*Rule){
		"name":     func(r *Rule) { r.Name = "" },
		"match":    func(r *Rule) { r.Match = nil },
		"interval": func(r *Rule) { r.Interval = 1 },
		"priority": func(r *Rule) { r.Priority = 1 },
		"tenant":   func(r *Rule) { r.Tenant = "a|b" },
		"team":     func(r *Rule) { r.Team = "\xff" },
	} {
		bad := *r
		change(&bad)
		if errs := bad.Validate(); len(errs) != 1 || errs[0].Field != name {
			t.Errorf("a bad %s: %v", name, errs)
		}
	}
}

func TestStates(t *testing.T) {
	for _, tt := range []struct {
		spec Spec
		want State
	}{
		{Spec{}, StateActive},
		{Spec{Mode: "shadow"}, StateShadow},
		{Spec{Mode: "off", Expires: "2020-01-01T00:00:00Z"}, StateOff},
		{Spec{Mode: "shadow", Expires: "2026-01-01T00:00:00Z"}, StateExpired},
		{Spec{Expires: "2026-01-01T00:00:01Z"}, StateActive},
	} {
		tt.spec.Name, tt.spec.Match, tt.spec.Action = "a", Selectors{"up"}, "drop"
		if got := mustRule(t, tt.spec).State(testNow); got != tt.want {
			t.Errorf("%+v is %s, want %s", tt.spec, got, tt.want)
		}
	}
}
