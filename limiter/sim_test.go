package limiter

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write what the simulation shows into testdata and docs")

// The simulation: three pools and four priorities, at eight tenths of the limit,
// then at three times the limit for two minutes, then at eight tenths again.
const (
	simSeconds = 480
	simStep    = 5 // seconds of one point
	simLimit   = 10_000
	simFrom    = 60
	simTo      = 180
)

func simTraffic(t *testing.T) *traffic {
	var sources []source
	for _, p := range []struct {
		name string
		part float64
	}{{"checkout", 0.25}, {"batch", 0.4}, {"default", 0.35}} {
		for l, part := range [levels]float64{0.1, 0.2, 0.3, 0.4} {
			sources = append(sources, source{
				pool: p.name, priority: priorityOf(l), families: 300, scrape: 15,
				rate: stepped(0.8*simLimit*p.part*part, 3*simLimit*p.part*part, simFrom, simTo),
			})
		}
	}
	return newTraffic(t, limitOf(simLimit, 30*time.Second, pool("checkout", 0.4), pool("batch", 0.2)), sources...)
}

// A simPoint is what a few seconds of the simulation looked like, in samples per second.
type simPoint struct {
	second  int
	demand  float64
	granted [levels]float64
	cuts    []string // what passes, by pool; nil within the limit
}

func simulate(t *testing.T) (tr *traffic, points []simPoint) {
	tr = simTraffic(t)
	for tr.second < simSeconds {
		done := tr.mark()
		tr.run(simStep)
		demand, granted := done()
		p := simPoint{second: tr.second - simStep}
		for k := range demand {
			p.demand += demand[k] / simStep
			p.granted[levelOf(k.priority)] += granted[k] / simStep
		}
		if s := tr.tenant().Status(tr.now()); s.Over {
			for _, pool := range s.Pools {
				p.cuts = append(p.cuts, pool.Passes)
			}
		}
		points = append(points, p)
	}
	return tr, points
}

func TestSimulation(t *testing.T) {
	tr, points := simulate(t)
	var b strings.Builder
	fmt.Fprintf(&b, "A tenant may send %d samples/s, with a burst of 30s. Pool checkout has 0.4 of\n", simLimit)
	b.WriteString("that, batch 0.2, default the remaining 0.4. In every pool a tenth of what is sent is\n")
	b.WriteString("critical, two tenths are high, three default, four low. From 1:00 to 3:00 three times\n")
	b.WriteString("the limit is sent, before and after eight tenths of it. Rates are samples per second.\n\n")
	fmt.Fprintf(&b, "time  demand  passes  critical   high  default    low\n")
	for _, p := range points {
		if p.second%15 != 0 {
			continue
		}
		fmt.Fprintf(&b, "%d:%02d  %6.0f  %6.0f    %6.0f %6.0f   %6.0f %6.0f\n", p.second/60, p.second%60, p.demand, sum(p.granted), p.granted[0], p.granted[1], p.granted[2], p.granted[3])
	}
	b.WriteString("\nWhat passed of each pool and priority in the second minute of overload:\n\n")
	tr2 := simTraffic(t)
	tr2.run(simFrom + 60)
	done := tr2.mark()
	tr2.run(60)
	demand, granted := done()
	for _, k := range tr2.cells() {
		fmt.Fprintf(&b, "%-9s %-9s %5.0f of %5.0f\n", k.pool, k.priority, granted[k]/60, demand[k]/60)
	}
	b.WriteString("\nWhat happened:\n\n")
	for _, e := range tr.events {
		b.WriteString(strings.TrimSpace(e) + "\n")
	}
	compareFile(t, "testdata/simulation.golden", b.String())
	compareFile(t, "../docs/limits-simulation.svg", drawSimulation(points))
}

// compareFile compares what a file holds with want, or writes it.
func compareFile(t *testing.T, name, want string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(name, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	got, err := os.ReadFile(name)
	if err != nil {
		t.Fatalf("%v; go test ./limiter -update writes it", err)
	}
	if diff := cmp.Diff(string(got), want); diff != "" {
		t.Errorf("%s differs (- file, + now); go test ./limiter -update writes it:\n%s", name, diff)
	}
}

// The drawing's measures.
const (
	svgWidth, svgHeight   = 760.0, 380.0
	svgLeft, svgRight     = 62.0, 90.0
	svgTop, svgBottom     = 30.0, 40.0
	svgMost               = 32_000.0 // samples per second at the top
	svgX                  = (svgWidth - svgLeft - svgRight) / simSeconds
	svgY                  = (svgHeight - svgTop - svgBottom) / svgMost
	svgBase               = svgHeight - svgBottom
	svgEnd                = svgWidth - svgRight
	svgText, svgGrid      = "#333", "#ddd"
	svgDemand, svgLimited = "#777", "#b00020"
)

// svgColors are those of critical, high, default and low.
var svgColors = [levels]string{"#1b3a5c", "#2f6ea5", "#74a9cf", "#c6dbef"}

// drawSimulation draws what passes by priority, one over the other, under what is
// demanded.
func drawSimulation(points []simPoint) string {
	var b strings.Builder
	x := func(second int) float64 { return svgLeft + float64(second)*svgX }
	y := func(rate float64) float64 { return svgBase - rate*svgY }
	text := func(px, py float64, anchor, color, format string, args ...any) {
		fmt.Fprintf(&b, `<text x="%.1f" y="%.1f" text-anchor="%s" fill="%s">%s</text>`+"\n", px, py, anchor, color, fmt.Sprintf(format, args...))
	}
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %.0f %.0f" font-family="sans-serif" font-size="12">`+"\n", svgWidth, svgHeight)
	b.WriteString("<title>A tenant at three times its limit for two minutes: what passes, by priority</title>\n")
	fmt.Fprintf(&b, `<rect width="%.0f" height="%.0f" fill="#fff"/>`+"\n", svgWidth, svgHeight)
	for rate := 0.0; rate < svgMost; rate += 5000 {
		fmt.Fprintf(&b, `<path d="M%.1f %.1fH%.1f" stroke="%s"/>`+"\n", svgLeft, y(rate), svgEnd, svgGrid)
		text(svgLeft-8, y(rate)+4, "end", svgText, "%.0f", rate)
	}
	for second := 0; second <= simSeconds; second += 60 {
		text(x(second), svgBase+18, "middle", svgText, "%d min", second/60)
	}
	text(svgLeft, svgTop-12, "start", svgText, "samples per second")

	below := make([]float64, len(points))
	for l := range levels {
		var path, back strings.Builder
		for i, p := range points {
			fmt.Fprintf(&path, "%.1f %.1f ", x(p.second), y(below[i]+p.granted[l]))
			j := len(points) - 1 - i
			fmt.Fprintf(&back, "%.1f %.1f ", x(points[j].second), y(below[j]))
		}
		last := len(points) - 1
		middle := y(below[last] + points[last].granted[l]/2)
		for i := range points {
			below[i] += points[i].granted[l]
		}
		fmt.Fprintf(&b, `<path d="M%sL%sZ" fill="%s"/>`+"\n", path.String(), back.String(), svgColors[l])
		text(svgEnd+6, middle+4, "start", svgText, "%s", priorityOf(l))
	}
	var demand strings.Builder
	for _, p := range points {
		fmt.Fprintf(&demand, "%.1f %.1f ", x(p.second), y(p.demand))
	}
	fmt.Fprintf(&b, `<path d="M%s" fill="none" stroke="%s" stroke-dasharray="5 3"/>`+"\n", demand.String(), svgDemand)
	text(x(simTo)+8, y(28_000), "start", svgDemand, "demand")
	fmt.Fprintf(&b, `<path d="M%.1f %.1fH%.1f" stroke="%s"/>`+"\n", svgLeft, y(simLimit), svgEnd, svgLimited)
	text(svgEnd+6, y(simLimit)+4, "start", svgLimited, "limit")
	for i, p := range points {
		if was := i > 0 && points[i-1].cuts != nil; was != (p.cuts != nil) {
			word := "over its limit"
			if was {
				word = "within it again"
			}
			fmt.Fprintf(&b, `<path d="M%.1f %.1fV%.1f" stroke="%s" stroke-dasharray="2 3"/>`+"\n", x(p.second), svgTop, svgBase, svgText)
			text(x(p.second)+5, svgTop+8, "start", svgText, "%s", word)
		}
	}
	b.WriteString("</svg>\n")
	return b.String()
}
