package rules

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestFamilyWarnings(t *testing.T) {
	tests := []struct {
		name   string
		action string
		match  Selectors
		want   []string
	}{
		{"some buckets of a histogram", "drop", Selectors{`a_bucket{le!="+Inf"}`}, []string{
			`the matcher le!="+Inf" takes some series of a histogram or summary and leaves the others; quantiles of what is left may be wrong`,
			`the rule names a_bucket but not a_sum, a_count; if a is a histogram or summary, it is torn apart`,
		}},
		{"a quantile of any summary", "downsample", Selectors{`{quantile="0.5"}`}, []string{
			`the matcher quantile="0.5" takes some series of a histogram or summary and leaves the others; quantiles of what is left may be wrong`,
		}},
		{"two of three endings, in two selectors", "drop", Selectors{`a_sum{x="1"}`, `a_count`}, []string{
			`the rule names a_sum, a_count but not a_bucket; if a is a histogram or summary, it is torn apart`,
		}},
		{"two families", "drop", Selectors{`{__name__=~"b_sum|a_bucket|a_sum|a_count"}`}, []string{
			`the rule names b_sum but not b_bucket, b_count; if b is a histogram or summary, it is torn apart`,
		}},
		{"an expression for one ending", "drop", Selectors{`{__name__=~"http_.*_bucket"}`, `{__name__=~"(?:(.+_count))"}`}, []string{
			`the matcher __name__=~"http_.*_bucket" takes only the _bucket series of histograms or summaries and leaves the others`,
			`the matcher __name__=~"(?:(.+_count))" takes only the _count series of histograms or summaries and leaves the others`,
		}},
		{"a whole histogram", "drop", Selectors{`{__name__=~"a_(bucket|sum|count)"}`}, nil},
		{"a whole summary", "drop", Selectors{`{__name__=~"a|a_sum|a_count"}`}, nil},
		{"a prefix takes all", "drop", Selectors{`{__name__=~"a_.*"}`}, nil},
		{"other labels take all", "drop", Selectors{`{pod=~"a.*"}`}, nil},
		{"an ending is no family", "drop", Selectors{`_sum`}, nil},
		{"keeping removes nothing", "keep", Selectors{`a_bucket{le="1"}`}, nil},
		{"prioritizing removes nothing", "prioritize", Selectors{`a_bucket{le="1"}`}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := mustRule(t, Spec{Name: "a", Match: tt.match, Action: tt.action})
			if diff := cmp.Diff(FamilyWarnings(r), tt.want); diff != "" {
				t.Errorf("warnings (-got +want):\n%s", diff)
			}
		})
	}
}
