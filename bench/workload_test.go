package bench

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/golang/snappy"
	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/prometheus/prompb"
	writev2 "github.com/prometheus/prometheus/prompb/io/prometheus/write/v2"
)

var start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func build(t *testing.T, spec Spec) *Load {
	t.Helper()
	if spec.Start.IsZero() {
		spec.Start = start
	}
	l, err := Build(spec)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func decompress(t *testing.T, b Body) []byte {
	t.Helper()
	raw, err := snappy.Decode(nil, b.Data)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// lines decodes a body with Prometheus' own code into one line an entry.
func lines(t *testing.T, version int, b Body) []string {
	t.Helper()
	raw := decompress(t, b)
	var out []string
	if version == 1 {
		var req prompb.WriteRequest
		if err := req.Unmarshal(raw); err != nil {
			t.Fatal(err)
		}
		for _, ts := range req.Timeseries {
			var line strings.Builder
			for _, l := range ts.Labels {
				fmt.Fprintf(&line, "%s=%q,", l.Name, l.Value)
			}
			for _, s := range ts.Samples {
				fmt.Fprintf(&line, " %v@%d", s.Value, s.Timestamp)
			}
			for _, e := range ts.Exemplars {
				fmt.Fprintf(&line, " # %s=%s %v@%d", e.Labels[0].Name, e.Labels[0].Value, e.Value, e.Timestamp)
			}
			out = append(out, line.String())
		}
		again, err := req.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(again, raw) {
			t.Error("Prometheus encodes the same request to other bytes")
		}
		return out
	}
	var req writev2.Request
	if err := req.Unmarshal(raw); err != nil {
		t.Fatal(err)
	}
	if req.Symbols[0] != "" {
		t.Errorf("first symbol is %q, want the empty one", req.Symbols[0])
	}
	for _, ts := range req.Timeseries {
		var line strings.Builder
		for i := 0; i < len(ts.LabelsRefs); i += 2 {
			fmt.Fprintf(&line, "%s=%q,", req.Symbols[ts.LabelsRefs[i]], req.Symbols[ts.LabelsRefs[i+1]])
		}
		for _, s := range ts.Samples {
			fmt.Fprintf(&line, " %v@%d", s.Value, s.Timestamp)
		}
		for _, e := range ts.Exemplars {
			fmt.Fprintf(&line, " # %s=%s %v@%d", req.Symbols[e.LabelsRefs[0]], req.Symbols[e.LabelsRefs[1]], e.Value, e.Timestamp)
		}
		out = append(out, line.String())
	}
	again, err := req.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(again, raw) {
		t.Error("Prometheus encodes the same request to other bytes")
	}
	return out
}

func TestBuildIsDeterministic(t *testing.T) {
	for _, spec := range []Spec{
		{Series: 9000, Rounds: 3, Churn: 0.05, Seed: 7},
		{Series: 9000, Rounds: 3, Version: 2, Order: BlockShuffled, Seed: 7},
		{Series: 9000, Rounds: 4, Repeat: 4, Order: Shuffled, Seed: 7},
		{Series: 9000, Rounds: 2, Cold: true, Seed: 7},
	} {
		a, b := build(t, spec), build(t, spec)
		equal := func(x, y Body) bool { return x.Samples == y.Samples && bytes.Equal(x.Data, y.Data) }
		if !slices.EqualFunc(a.Rounds, b.Rounds, func(x, y []Body) bool { return slices.EqualFunc(x, y, equal) }) {
			t.Errorf("%+v: two builds differ", spec)
		}
		spec.Seed++
		if c := build(t, spec); bytes.Equal(a.Rounds[0][0].Data, c.Rounds[0][0].Data) {
			t.Errorf("%+v: another seed makes the same body", spec)
		}
	}
}

func TestBothProtocolsCarryTheSameEntries(t *testing.T) {
	spec := Spec{Series: 5000, Rounds: 4, Repeat: 2, Seed: 3}
	v1 := build(t, spec)
	spec.Version = 2
	v2 := build(t, spec)
	for r := range v1.Rounds {
		for i := range v1.Rounds[r] {
			if diff := cmp.Diff(lines(t, 1, v1.Rounds[r][i]), lines(t, 2, v2.Rounds[r][i])); diff != "" {
				t.Fatalf("round %d, body %d (-1.0 +2.0):\n%s", r, i, diff)
			}
		}
	}
}

func TestSeriesAreRealistic(t *testing.T) {
	p := newPopulation(100_000, 0, 1)
	total, names := 0, map[string]int{}
	seen := map[string]bool{}
	for i := range p.series {
		s := &p.series[i]
		ls := s.Decode()
		if n := len(ls) / 2; n < 10 || n > 14 {
			t.Fatalf("%s has %d labels, want 10 to 14", s, n)
		}
		for j := 2; j < len(ls); j += 2 {
			if ls[j] <= ls[j-2] {
				t.Fatalf("%s: label %s after %s", s, ls[j], ls[j-2])
			}
		}
		if seen[string(s.Labels)] {
			t.Fatalf("%s is there twice", s)
		}
		seen[string(s.Labels)] = true
		total += len(s.Labels)
		names[s.Metric]++
	}
	if n := len(names); n < 120 || n > 145 {
		t.Errorf("%d metrics, want about 130", n)
	}
	if mean := total / len(p.series); mean < 200 || mean > 330 {
		t.Errorf("labels take %d bytes a series, want 200 to 330", mean)
	}
	sizes := make([]int, 0, len(names))
	for _, n := range names {
		sizes = append(sizes, n)
	}
	slices.Sort(sizes)
	if biggest, median := sizes[len(sizes)-1], sizes[len(sizes)/2]; biggest < 10*median {
		t.Errorf("the biggest metric has %d series, the median one %d: not skewed", biggest, median)
	}
}

func TestManyMetrics(t *testing.T) {
	l := build(t, Spec{Series: 100_000, Metrics: 5000, Rounds: 1})
	if l.Names < 4800 || l.Names > 5200 {
		t.Errorf("%d metrics, want about 5000", l.Names)
	}
}

func TestTenDropsTakeAQuarter(t *testing.T) {
	for _, n := range []int{50_000, 100_000} {
		p := newPopulation(n, 0, 1)
		d := newDropper(TenDrops())
		var alone []*dropper
		for _, r := range d.rules {
			alone = append(alone, newDropper([]Drop{r}))
		}
		byRule := map[string]int{}
		dropped := 0
		for i := range p.series {
			if d.drops(&p.series[i]) {
				dropped++
			}
			for j, r := range d.rules {
				if i%10 == 0 && alone[j].drops(&p.series[i]) {
					byRule[r.Name]++
				}
			}
		}
		if share := float64(dropped) / float64(n); share < 0.20 || share > 0.30 {
			t.Errorf("of %d series %.1f %% are dropped, want 20 to 30 (%v)", n, share*100, byRule)
		}
		for _, r := range d.rules {
			if byRule[r.Name] == 0 {
				t.Errorf("of %d series, rule %s matches none", n, r.Name)
			}
		}
	}
}

func TestTallyOfKept(t *testing.T) {
	spec := Spec{Series: 8000, Rounds: 1, Tally: true, Drops: TenDrops()}
	v1 := build(t, spec)
	spec.Version = 2
	v2 := build(t, spec)
	for i, b := range v1.Rounds[0] {
		if b.Sent.Samples != int64(b.Samples) {
			t.Errorf("body %d: tally has %d samples, body %d", i, b.Sent.Samples, b.Samples)
		}
		if b.Kept.Samples >= b.Sent.Samples || b.Kept.Samples == 0 {
			t.Errorf("body %d: %d of %d samples kept", i, b.Kept.Samples, b.Sent.Samples)
		}
		if o := v2.Rounds[0][i]; b.Kept != o.Kept || b.Sent != o.Sent {
			t.Errorf("body %d: 1.0 says %+v, 2.0 %+v", i, b.Kept, o.Kept)
		}
	}
}

func TestChurnAndCold(t *testing.T) {
	count := func(spec Spec) int {
		seen := map[string]bool{}
		for _, r := range build(t, spec).Rounds {
			for _, b := range r {
				for _, l := range lines(t, 1, b) {
					series, _, _ := strings.Cut(l, ", ")
					seen[series] = true
				}
			}
		}
		return len(seen)
	}
	if got := count(Spec{Series: 6000, Rounds: 3}); got != 6000 {
		t.Errorf("without churn: %d series in three rounds, want 6000", got)
	}
	if got := count(Spec{Series: 6000, Rounds: 3, Cold: true}); got != 18000 {
		t.Errorf("cold: %d series in three rounds, want 18000", got)
	}
	if got := count(Spec{Series: 6000, Rounds: 3, Churn: 0.1}); got <= 6000 || got > 8500 {
		t.Errorf("with churn: %d series in three rounds, want a few more than 6000", got)
	}
}

func TestRepeatedEntries(t *testing.T) {
	l := build(t, Spec{Series: 2000, Rounds: 4, Repeat: 4})
	exemplars := 0
	times := map[string][]string{}
	for _, line := range lines(t, 1, l.Rounds[0][0]) {
		series, value, _ := strings.Cut(line, ", ")
		if strings.HasPrefix(value, "#") {
			exemplars++
			continue
		}
		_, at, _ := strings.Cut(value, "@")
		times[series] = append(times[series], at)
	}
	if len(times) != 500 || exemplars == 0 {
		t.Errorf("a request has %d series and %d exemplars, want 500 and some", len(times), exemplars)
	}
	for s, ts := range times {
		if len(ts) != 4 || !slices.IsSorted(ts) {
			t.Fatalf("%s has samples at %v, want four in order", s, ts)
		}
	}
}

func TestOrders(t *testing.T) {
	first := func(order Order) (same, total int) {
		l := build(t, Spec{Series: 6000, Rounds: 2, Order: order})
		name := func(line string) string { s, _, _ := strings.Cut(line, ", "); return s }
		for i := range l.Rounds[0] {
			a, b := lines(t, 1, l.Rounds[0][i]), lines(t, 1, l.Rounds[1][i])
			for j := range a {
				if total++; name(a[j]) == name(b[j]) {
					same++
				}
			}
		}
		return same, total
	}
	if same, total := first(SameOrder); same != total {
		t.Errorf("same order: %d of %d series at their place", same, total)
	}
	for _, o := range []Order{BlockShuffled, Shuffled} {
		if same, total := first(o); same > total/3 {
			t.Errorf("%s: %d of %d series at their place", o, same, total)
		}
	}
}

func TestCountersGrow(t *testing.T) {
	p := newPopulation(5000, 0, 1)
	for i := range p.series {
		s := &p.series[i]
		if s.kind != counter && s.kind != seconds && s.kind != bucket {
			continue
		}
		for round := range 5 {
			if s.at(round+1) < s.at(round) {
				t.Fatalf("%s falls from %v to %v", s, s.at(round), s.at(round+1))
			}
		}
	}
}
