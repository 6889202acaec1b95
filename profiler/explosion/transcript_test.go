package explosion

import (
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write what the detector says into testdata")

// A transcript of a scenario shows a row whenever the series have moved by a
// quarter or the rate has doubled or halved, and what the detector said.
func TestTranscripts(t *testing.T) {
	for _, sc := range scenarios {
		name := strings.NewReplacer(" ", "_", ",", "", "-", "_").Replace(sc.name)
		t.Run(name, func(t *testing.T) {
			file := filepath.Join("testdata", name+".txt")
			got := transcript(sc)
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("%s (-update accepts what follows):\n%s", file, diff)
			}
		})
	}
}

func transcript(sc scenario) string {
	const longest = 60 // rows
	run := 0
	for newWorld(randomness(sc.name, run), start).bunched { // whose rate is hard to read
		run++
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n   time  active  samples/s\n", sc.name)
	rows, left := 0, 0
	var active, rate float64
	row := func(m int, r Reading) string {
		return fmt.Sprintf("%dd %02d:%02d %7s %10s", m/day, m%day/60, m%60, three(r.Active), three(r.SamplesPerSecond))
	}
	p := replay(sc, run, func(m int, r Reading, e *Explosion) {
		switch {
		case e != nil:
			fmt.Fprintf(&b, "%s  %s %s: from %s to %s in %s\n", row(m, r), e.Kind, e.State,
				three(e.From), three(e.To), span(e.At-e.Since))
		case !moved(active, r.Active, 1.25) && !moved(rate, r.SamplesPerSecond, 2):
			return
		case rows == longest:
			left++
			return
		default:
			rows++
			fmt.Fprintln(&b, row(m, r))
		}
		active, rate = r.Active, r.SamplesPerSecond
	})
	if left > 0 {
		fmt.Fprintf(&b, "and %d rows more\n", left)
	}
	if p.onset > 0 {
		fmt.Fprintf(&b, "\nIt began at %dd %02d:%02d.\n", p.onset/day, p.onset%day/60, p.onset%60)
	}
	return b.String()
}

func moved(from, to, ratio float64) bool {
	return to > from*ratio || to < from/ratio
}

// three rounds to three digits: what floating point makes of the rest differs from
// one kind of processor to another.
func three(x float64) string {
	if x == 0 {
		return "0"
	}
	unit := math.Pow(10, math.Floor(math.Log10(x))-2)
	return fmt.Sprintf("%g", math.Round(math.Round(x/unit)*unit*1000)/1000)
}
