package explosion

import (
	"cmp"
	"math"
	"slices"
)

// Values is what one label of a metric did while the metric exploded.
type Values struct {
	Label     string
	Then, Now float64 // its unique values; 0 then if no series had the label
	Without   float64 // series that would remain now without the label; NaN if not known
}

// A Culprit is a label that made an explosion.
type Culprit struct {
	Label     string
	From, To  float64 // its unique values
	Explains  float64 // of the series' growth, from 0 to 1, in octaves
	Reduction float64 // share of the series that would go with the label, 0 if not known
}

const (
	// leastExplained is the share of the growth below which a label is not named:
	// of two labels that grew together freely each explains half, of three a third.
	leastExplained = 0.25

	// togetherShare is how near to the best a label must come to be named with it.
	togetherShare = 0.8

	// certainGrowth is beyond the errors of the two counts (twice 2 %).
	certainGrowth = 1.05
)

// Culprits names the labels whose unique values explain the growth of a metric
// from then to now series, the best first. None is named where all labels have the
// values they had, only more of their combinations, or where nothing grew.
//
// What a label explains is the growth of its values in octaves, relative to that
// of the series: a label that got three times its values in a metric that got
// three times its series explains all of it, whatever else the series are made of.
// Several labels may: pods come with their instances. Then the one without which
// the fewest series would remain leads, and after it the one that gained the most
// values.
func Culprits(then, now float64, labels []Values) []Culprit {
	grown := math.Log2(now / max(then, 1))
	if !(grown >= math.Log2(certainGrowth)) || math.IsInf(grown, 0) {
		return nil
	}
	var found []Culprit
	best := 0.0
	for _, l := range labels {
		from := max(l.Then, 1) // to lack a label is a value of it
		if !(l.Now >= from*certainGrowth) || !(l.Now > from+0.5) || math.IsInf(l.Now, 0) {
			continue
		}
		c := Culprit{Label: l.Label, From: l.Then, To: l.Now}
		c.Explains = min(math.Log2(l.Now/from)/grown, 1)
		if reduction := 1 - l.Without/now; reduction > 0 { // false for NaN
			c.Reduction = min(reduction, 1)
		}
		if c.Explains >= leastExplained {
			best = max(best, c.Explains)
			found = append(found, c)
		}
	}
	found = slices.DeleteFunc(found, func(c Culprit) bool { return c.Explains < best*togetherShare })
	slices.SortStableFunc(found, func(a, b Culprit) int {
		// Twentieths, since the counts are estimates and ties must be ties.
		return cmp.Or(
			cmp.Compare(math.Round(b.Explains*20), math.Round(a.Explains*20)),
			cmp.Compare(math.Round(b.Reduction*20), math.Round(a.Reduction*20)),
			cmp.Compare(b.To-b.From, a.To-a.From),
			cmp.Compare(a.Label, b.Label),
		)
	})
	return found
}
