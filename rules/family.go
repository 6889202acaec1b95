package rules

import (
	"fmt"
	"regexp/syntax"
	"slices"
	"strings"

	"github.com/prometheus/prometheus/model/labels"

	"github.com/headgate/headgate/internal/series"
)

// The endings of the series of a classic histogram; a summary has the last two,
// and its quantiles under the bare name.
var familyEndings = []string{"_bucket", "_sum", "_count"}

// FamilyWarnings says how r, by its selectors alone, could tear classic
// histograms or summaries apart: remove some series of a family and leave others.
// Rules that remove nothing have no warnings.
func FamilyWarnings(r *Rule) []string {
	if r.Action != Drop && r.Action != Downsample {
		return nil
	}
	var warnings []string
	names := map[string]bool{}
	for _, sel := range r.Match {
		for _, n := range sel.Names() {
			names[n] = true
		}
		for _, m := range sel.Matchers() {
			switch {
			case m.Name == "le" || m.Name == "quantile":
				warnings = append(warnings, fmt.Sprintf(
					"the matcher %s takes some series of a histogram or summary and leaves the others; quantiles of what is left may be wrong", m))
			case m.Name == series.MetricName && m.Type == labels.MatchRegexp && sel.Names() == nil:
				if e := endingOf(m.Value); e != "" {
					warnings = append(warnings, fmt.Sprintf(
						"the matcher %s takes only the %s series of histograms or summaries and leaves the others", m, e))
				}
			}
		}
	}
	return append(warnings, partialFamilies(names)...)
}

// partialFamilies returns a warning for each family of which names holds some but
// not all of _bucket, _sum and _count.
func partialFamilies(names map[string]bool) []string {
	bases := map[string]bool{}
	for n := range names {
		for _, e := range familyEndings {
			if base, ok := strings.CutSuffix(n, e); ok && base != "" {
				bases[base] = true
			}
		}
	}
	var warnings []string
	for base := range bases {
		var has, lacks []string
		for _, e := range familyEndings {
			if names[base+e] {
				has = append(has, base+e)
			} else {
				lacks = append(lacks, base+e)
			}
		}
		wholeSummary := names[base] && !names[base+"_bucket"] && len(has) == 2
		if len(lacks) == 0 || wholeSummary {
			continue
		}
		warnings = append(warnings, fmt.Sprintf("the rule names %s but not %s; if %s is a histogram or summary, it is torn apart",
			strings.Join(has, ", "), strings.Join(lacks, ", "), base))
	}
	slices.Sort(warnings)
	return warnings
}

// endingOf returns the one ending of familyEndings that every name has that the
// anchored expression matches, or "".
func endingOf(expr string) string {
	re, err := syntax.Parse(expr, syntax.Perl|syntax.DotNL)
	if err != nil {
		return ""
	}
	for re.Op == syntax.OpConcat || re.Op == syntax.OpCapture {
		re = re.Sub[len(re.Sub)-1]
	}
	if re.Op != syntax.OpLiteral || re.Flags&syntax.FoldCase != 0 {
		return ""
	}
	for _, e := range familyEndings {
		if strings.HasSuffix(string(re.Rune), e) {
			return e
		}
	}
	return ""
}
