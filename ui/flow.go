package ui

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/a-h/templ"

	"github.com/headgate/headgate/internal/control"
)

// A flowView is the picture of what became of the samples received.
type flowView struct {
	Received, Rate string
	Since          when
	Outcomes       []outcomeView
	Summary        string // the picture in words
	Height         int    // of its box, whose width is 100
}

// An outcomeView is one way that samples went.
type outcomeView struct {
	Name, Means string
	Count, Rate string
	Share       string
	Ribbon      string // a path from what was received to here; "" where nothing went here
	Href        templ.SafeURL
}

const (
	laneHeight = 48.0 // of one outcome in the picture
	laneFull   = 44.0 // how thick all samples together are
	laneThin   = 1.5  // how thick what is not nothing is at least
)

// outcomes are all that can become of a sample, in the order of the picture.
var outcomes = []struct {
	name, means string
	of          func(control.Counts) uint64
	rate        func(control.Rates) float64
}{
	{"forwarded", "The upstream took them", func(c control.Counts) uint64 { return c.Forwarded }, func(r control.Rates) float64 { return r.Forwarded }},
	{"dropped", "A rule removed them", func(c control.Counts) uint64 { return c.Dropped }, func(r control.Rates) float64 { return r.Dropped }},
	{"downsampled", "A rule thinned their series", func(c control.Counts) uint64 { return c.Downsampled }, func(r control.Rates) float64 { return r.Downsampled }},
	{"shed", "Over a tenant’s limit", func(c control.Counts) uint64 { return c.Shed }, func(r control.Rates) float64 { return r.Shed }},
	{"rejected", "They can never be stored", func(c control.Counts) uint64 { return c.Rejected }, func(r control.Rates) float64 { return r.Rejected }},
	{"failed", "Senders may send them again", func(c control.Counts) uint64 { return c.Failed }, func(r control.Rates) float64 { return r.Failed }},
}

// newFlowView draws samples of the last minute where they are known, and else
// those since the start.
func newFlowView(r *request, f control.Flow, last control.Rates, known bool) flowView {
	v := flowView{Received: count(float64(f.Counts.Received)), Since: newWhen(f.From, r.now), Height: int(laneHeight) * len(outcomes)}
	rates := known && last.Received > 0
	if rates {
		v.Rate = rate(last.Received)
	}
	by := map[string]string{"dropped": flowByRule, "downsampled": flowByRule} // what says most of them
	var words []string
	from := (float64(v.Height) - laneFull) / 2
	for i, o := range outcomes {
		n := o.of(f.Counts)
		share := part(float64(n), float64(f.Counts.Received))
		out := outcomeView{Name: o.name, Means: o.means, Count: count(float64(n)), Share: percent(share)}
		if n > 0 {
			out.Href = r.link("/flow", "phase", o.name, "by", cmp.Or(r.get("by"), by[o.name]), "from", r.get("from"), "to", r.get("to"), "team", r.get("team"))
		}
		if known {
			out.Rate = rate(o.rate(last))
		}
		drawn := share
		if rates {
			drawn = part(o.rate(last), last.Received)
		}
		if drawn > 0 {
			out.Ribbon = ribbon(from, laneHeight*(float64(i)+0.5), laneFull*drawn)
			from += laneFull * drawn
		}
		v.Outcomes = append(v.Outcomes, out)
		words = append(words, out.Count+" "+o.name)
	}
	v.Summary = fmt.Sprintf("Of %s samples received: %s.", v.Received, strings.Join(words, ", "))
	return v
}

// ribbon returns the path of a band that begins at the height from on the left and
// ends around the height to on the right.
func ribbon(from, to, thick float64) string {
	shown := max(thick, laneThin)
	a, b := from, from+shown
	c, d := to-shown/2, to+shown/2
	return fmt.Sprintf("M0 %sC50 %s 50 %s 100 %sV%sC50 %s 50 %s 0 %sZ",
		units(a), units(a), units(c), units(c), units(d), units(d), units(b), units(b))
}
