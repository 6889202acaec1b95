package sketch

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/headgate/headgate/internal/series"
)

// The vectors were computed by another implementation, of XXH64 as well. They are
// never to be changed: sketches on disks and in other processes depend on them.
// Another scheme needs another Version, and vectors of its own.

func TestLabelsHashAsEver(t *testing.T) {
	tests := []struct {
		name, value string
		wantName    uint64
		wantValue   Hash
		wantPair    uint64
	}{
		{"", "", 0xeb2de2c4d8dd18bf, 0xef46db3751d8e999, 0x11552aaa0b057f1b},
		{"__name__", "up", 0x22f1090a6a5ebc29, 0x23af5a217b078e8f, 0x6e1202a0249e4b52},
		{"job", "api", 0x022b072703eee733, 0x4df3e8c51f5ff62f, 0xbeea7d7d2b3cd2fd},
		{"instance", "10.12.7.33:8080", 0x824c633d9365ba94, 0x0ead2c335e0450bc, 0x8717feab6cc3a0c1},
		{"path", "/" + strings.Repeat("a", 40), 0xed9f6109f3ef1191, 0xe703dd236d2a19b9, 0x870e8313e86f2688},
		{"ü", "日本", 0x75000e2cb629707b, 0x80c2e40b8486afab, 0xc710ad631d626cea},
	}
	for _, tt := range tests {
		t.Run(tt.name+"="+tt.value, func(t *testing.T) {
			if got := Name(tt.name); got != tt.wantName {
				t.Errorf("Name = %#016x, want %#016x", got, tt.wantName)
			}
			if got := Value(tt.value); got != tt.wantValue {
				t.Errorf("Value = %#016x, want %#016x", got, tt.wantValue)
			}
			if got := Pair(tt.name, tt.value); got != tt.wantPair {
				t.Errorf("Pair = %#016x, want %#016x", got, tt.wantPair)
			}
		})
	}
}

func TestSeriesHashAsEver(t *testing.T) {
	tests := []struct {
		series                string
		sum                   uint64
		wantFinal, wantFamily Hash
	}{
		{`up`, 0x6e1202a0249e4b52, 0x251c54372d80ac92, 0x251c54372d80ac92},
		{`up{instance="10.12.7.33:8080",job="api"}`, 0xb4147ec8bc9ebf10, 0x8db00bf36dcc8488, 0x8db00bf36dcc8488},
		{`rpc_seconds_bucket{job="api",le="0.25"}`, 0x413258838110456d, 0x2630566d60737e5a, 0xc83f671ab399ff11},
		{`rpc_seconds_sum{job="api"}`, 0xbc3124fe4e5e289e, 0x562b8846c78b03dd, 0xc83f671ab399ff11},
		{`rpc_seconds{job="api",quantile="0.99"}`, 0xed68845a0f587c2e, 0xa66616452bf7552a, 0xc83f671ab399ff11},
	}
	for _, tt := range tests {
		t.Run(tt.series, func(t *testing.T) {
			ls := parse(t, tt.series)
			if got := Sum(ls); got != tt.sum {
				t.Errorf("Sum = %#016x, want %#016x", got, tt.sum)
			}
			if got := Final(Sum(ls)); got != tt.wantFinal {
				t.Errorf("Final = %#016x, want %#016x", got, tt.wantFinal)
			}
			if got := Family(ls); got != tt.wantFamily {
				t.Errorf("Family = %#016x, want %#016x", got, tt.wantFamily)
			}
		})
	}
	if Sum(nil) != 0 || Final(0) != 0 {
		t.Errorf("no labels: sum %#x, hash %#x; want 0", Sum(nil), Final(0))
	}
}

func parse(t *testing.T, s string) series.Labels {
	t.Helper()
	ls, err := series.ParseLabels(s)
	if err != nil {
		t.Fatal(err)
	}
	return ls
}

// drawLabels draws labels whose names differ, some of which have no value.
func drawLabels(t *rapid.T) series.Labels {
	byName := rapid.MapOfN(rapid.String(), rapid.String(), 1, 12).Draw(t, "labels")
	var ls series.Labels
	for n, v := range byName {
		ls = append(ls, series.Label{Name: n, Value: v})
	}
	ls.Sort()
	return ls
}

func TestSumDoesNotDependOnOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ls := drawLabels(t)
		shuffled := series.Labels(rapid.Permutation(ls).Draw(t, "shuffled"))
		if Sum(ls) != Sum(shuffled) || Family(ls) != Family(shuffled) {
			t.Fatalf("%v and %v hash differently", ls, shuffled)
		}
	})
}

func TestLeavingALabelOutIsASubtraction(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ls := drawLabels(t)
		i := rapid.IntRange(0, len(ls)-1).Draw(t, "left out")
		without := append(append(series.Labels{}, ls[:i]...), ls[i+1:]...)
		sum := Sum(ls)
		if ls[i].Value != "" {
			sum -= Pair(ls[i].Name, ls[i].Value)
		}
		if sum != Sum(without) {
			t.Fatalf("%v without %q: sum %#x, want %#x", ls, ls[i].Name, sum, Sum(without))
		}
		empty := append(series.Labels{}, ls...)
		empty[i].Value = ""
		if Sum(empty) != Sum(without) || Family(empty) != Family(without) {
			t.Fatalf("%v with an empty %q hashes unlike without", ls, ls[i].Name)
		}
	})
}

func TestLabelsThatLookAlikeDiffer(t *testing.T) {
	tests := []struct {
		name string
		a, b series.Labels
	}{
		{"a byte moves from name to value", series.Labels{{Name: "a", Value: "bc"}}, series.Labels{{Name: "ab", Value: "c"}}},
		{"name and value change places", series.Labels{{Name: "a", Value: "b"}}, series.Labels{{Name: "b", Value: "a"}}},
		{"values change places", series.Labels{{Name: "a", Value: "1"}, {Name: "b", Value: "2"}}, series.Labels{{Name: "a", Value: "2"}, {Name: "b", Value: "1"}}},
		{"a value holds another label", series.Labels{{Name: "a", Value: "1,b=2"}}, series.Labels{{Name: "a", Value: "1"}, {Name: "b", Value: "2"}}},
		{"a value holds zero bytes", series.Labels{{Name: "a", Value: "1\x00"}}, series.Labels{{Name: "a", Value: "1"}}},
		{"two pairs are equal", series.Labels{{Name: "a", Value: "1"}, {Name: "a", Value: "1"}}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if Sum(tt.a) == Sum(tt.b) {
				t.Errorf("%v and %v have the same sum", tt.a, tt.b)
			}
		})
	}
}

func TestBaseName(t *testing.T) {
	tests := []struct {
		name, metric    string
		le, hasQuantile bool
		want            string
	}{
		{"a bucket with le", "rpc_bucket", true, false, "rpc"},
		{"a bucket without le is none", "leaky_bucket", false, false, "leaky_bucket"},
		{"the sum", "rpc_sum", false, false, "rpc"},
		{"the count", "rpc_count", false, false, "rpc"},
		{"when it began", "rpc_created", false, false, "rpc"},
		{"a counter", "rpc_total", false, false, "rpc_total"},
		{"a quantile of a summary", "rpc", false, true, "rpc"},
		{"a quantile of a summary that is called so", "queue_count", false, true, "queue_count"},
		{"and its sum", "queue_count_sum", false, false, "queue_count"},
		{"only one ending", "queue_count_bucket", true, false, "queue_count"},
		{"never all of it", "_sum", false, false, "_sum"},
		{"what a recording rule made of buckets", "job:rpc_bucket:rate5m", true, false, "job:rpc_bucket:rate5m"},
		{"no name", "", true, false, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := BaseName(tt.metric, tt.le, tt.hasQuantile); got != tt.want {
				t.Errorf("BaseName(%q) = %q, want %q", tt.metric, got, tt.want)
			}
		})
	}
}

func TestFamilies(t *testing.T) {
	tests := []struct {
		name string
		a, b string
		same bool
	}{
		{"buckets of one histogram", `a_bucket{job="x",le="1"}`, `a_bucket{job="x",le="2"}`, true},
		{"a bucket and the sum", `a_bucket{job="x",le="1"}`, `a_sum{job="x"}`, true},
		{"a bucket and the count", `a_bucket{job="x",le="+Inf"}`, `a_count{job="x"}`, true},
		{"a bucket and its beginning", `a_bucket{job="x",le="1"}`, `a_created{job="x"}`, true},
		{"a quantile and the count", `a{job="x",quantile="0.5"}`, `a_count{job="x"}`, true},
		{"buckets that a rule recorded", `a:rate{job="x",le="1"}`, `a:rate{job="x",le="2"}`, true},
		{"histograms of other labels", `a_bucket{job="x",le="1"}`, `a_bucket{job="y",le="1"}`, false},
		{"histograms of other names", `a_bucket{job="x",le="1"}`, `b_bucket{job="x",le="1"}`, false},
		{"a gauge called so", `leaky_bucket{job="x"}`, `leaky{job="x"}`, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if same := Family(parse(t, tt.a)) == Family(parse(t, tt.b)); same != tt.same {
				t.Errorf("%s and %s are of one family: %v, want %v", tt.a, tt.b, same, tt.same)
			}
		})
	}
}

// TestPopulationsOfAllShapesCount holds that hashes neither collide nor lean: of
// each population, and of it without each label, the estimate is within four
// standard errors of the exact count, which hashes give without a collision.
func TestPopulationsOfAllShapesCount(t *testing.T) {
	const n = 16_000
	tests := []struct {
		name string
		of   func(i int) []any // values
	}{
		{"one label huge", func(i int) []any { return []any{i, "api", i % 3} }},
		{"sequential integers", func(i int) []any { return []any{i, i + 1, -i} }},
		{"values of equal length", func(i int) []any { return []any{fmt.Sprintf("%08x", i*16), fmt.Sprintf("%012d", i), "x"} }},
		{"all labels independent", func(i int) []any { return []any{i % 25, i / 25 % 25, i / 625} }},
		{"two labels make a grid", func(i int) []any { return []any{i % 125, i / 125, ""} }},
		{"labels that only take each other's values", func(i int) []any { return []any{i % 127, i / 127, i % 127} }},
		{"long values with one byte of difference", func(i int) []any {
			return []any{strings.Repeat("a", i%300) + "b" + strings.Repeat("a", 299-i%300), i / 300, 0}
		}},
		{"every other one lacks a label", func(i int) []any {
			if i%2 == 0 {
				return []any{i, "", i % 7}
			}
			return []any{i, i % 5, ""}
		}},
	}
	names := []string{"a", "b", "c"}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			// Of all labels, then without each.
			exact, collected := [4]map[string]bool{}, [4]map[Hash]bool{}
			var windows [4]*Window
			for k := range windows {
				exact[k], collected[k], windows[k] = map[string]bool{}, map[Hash]bool{}, NewWindow(14, false)
			}
			ls := series.Labels{{Name: "__name__", Value: "m"}, {Name: "a"}, {Name: "b"}, {Name: "c"}}
			for i := range n {
				values := tt.of(i)
				for k := range names {
					ls[k+1].Value = fmt.Sprint(values[k])
				}
				sum := Sum(ls)
				for k := range windows {
					s, key := sum, append(series.Labels{}, ls...)
					if k > 0 {
						if ls[k].Value != "" {
							s -= Pair(ls[k].Name, ls[k].Value)
						}
						key[k].Value = ""
					}
					exact[k][key.String()] = true
					collected[k][Final(s)] = true
					windows[k].Insert(1, Final(s))
				}
			}
			for k, w := range windows {
				want, got := float64(len(exact[k])), float64(w.Estimate(1))
				if len(collected[k]) != len(exact[k]) {
					t.Errorf("without label %d: %d hashes of %d series", k, len(collected[k]), len(exact[k]))
				}
				if math.Abs(got-want) > 4*StandardError(14)*want+1 {
					t.Errorf("without label %d: %.0f estimated, %.0f counted", k, got, want)
				}
			}
		})
	}
}

func TestHashingDoesNotAllocate(t *testing.T) {
	name, sum := Name("instance"), Sum(typical)
	for what, f := range map[string]func(){
		"Pair":     func() { Pair("instance", "10.12.7.33:8080") },
		"PairOf":   func() { sum = PairOf(name, Value("10.12.7.33:8080")) },
		"Sum":      func() { Sum(typical) },
		"Family":   func() { Family(typical) },
		"FamilyOf": func() { FamilyOf(typical, sum) },
	} {
		if n := testing.AllocsPerRun(100, f); n != 0 {
			t.Errorf("%s allocates %v times, want 0", what, n)
		}
	}
}
