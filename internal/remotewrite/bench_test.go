package remotewrite

import (
	"testing"

	"github.com/prometheus/prometheus/prompb"

	"github.com/headgate/headgate/internal/series"
)

const benchSeries = 2000

// bodies are a realistic request in both versions.
func bodies(t testing.TB) map[Version][]byte {
	req := realistic(benchSeries)
	return map[Version][]byte{V1: marshal(t, req), V2: marshal(t, toV2(req))}
}

var names = map[Version]string{V1: "1.0", V2: "2.0"}

// everyFourth are fates that keep three of four series.
func everyFourth(n int) []Fate {
	fates := make([]Fate, n)
	for i := range fates {
		if i%4 == 3 {
			fates[i] = Gone
		}
	}
	return fates
}

// hot are the functions that run for every sample, on a request of benchSeries
// series.
func hot(t testing.TB, v Version) []struct {
	name string
	run  func()
} {
	body := bodies(t)[v]
	r := &Request{}
	parse := func() {
		if err := r.Parse(v, body, Limits{MaxSeries: 50_000}); err != nil {
			t.Fatal(err)
		}
	}
	parse()
	fates := everyFourth(len(r.Entries))
	changed := make([]Fate, len(r.Entries))
	var changes []Change
	for i := range changed {
		if i%4 == 3 {
			changed[i] = Changed
			items := r.AppendItems(nil, i)
			items[0].Action = Mark
			changes = append(changes, Change{Entry: i, Items: items})
		}
	}
	var ls series.Labels
	var items []Item
	var out []byte
	packed := Compress(nil, body)
	var sum int
	return []struct {
		name string
		run  func()
	}{
		{"Parse", parse},
		{"LabelBytes", func() {
			for i := range r.Entries {
				sum += len(r.LabelBytes(&r.Entries[i]))
			}
		}},
		{"AppendLabels", func() {
			for i := range r.Entries {
				ls = r.AppendLabels(ls[:0], &r.Entries[i])
			}
		}},
		{"AppendItems", func() {
			items = items[:0]
			for i := range r.Entries {
				items = r.AppendItems(items, i)
			}
		}},
		{"AppendFiltered/three of four", func() { out = r.AppendFiltered(out[:0], fates, nil) }},
		{"AppendFiltered/marked", func() { out = r.AppendFiltered(out[:0], changed, changes) }},
		{"Compress", func() { out = Compress(out, body) }},
		{"Decompress", func() {
			var err error
			if out, err = Decompress(out, packed); err != nil {
				t.Fatal(err)
			}
		}},
		{"CheckLabels", func() {
			for i := range r.Entries {
				ls = r.AppendLabels(ls[:0], &r.Entries[i])
				if err := CheckLabels(ls, Limits{MaxLabels: 30, MaxLabelNameBytes: 1024, MaxLabelValueBytes: 2048}); err != nil {
					t.Fatal(err)
				}
			}
		}},
	}
}

func TestHotPathDoesNotAllocate(t *testing.T) {
	for v, name := range names {
		for _, h := range hot(t, v) {
			t.Run(name+" "+h.name, func(t *testing.T) {
				h.run()
				if n := testing.AllocsPerRun(5, h.run); n != 0 {
					t.Errorf("got %v allocations, want 0", n)
				}
			})
		}
	}
}

func TestCheckHistogramDoesNotAllocate(t *testing.T) {
	var r Request
	items := histograms(t, &r)
	if n := testing.AllocsPerRun(5, func() {
		for _, it := range items {
			if err := r.CheckHistogram(it); err != nil {
				t.Fatal(err)
			}
		}
	}); n != 0 {
		t.Errorf("got %v allocations, want 0", n)
	}
}

// histograms parses one series of native histograms into r.
func histograms(t testing.TB, r *Request) []Item {
	var ts prompb.TimeSeries
	for i := range int64(10) {
		ts.Histograms = append(ts.Histograms, intHistogram(i), floatHistogram(i), customHistogram(i))
	}
	if err := r.Parse(V1, marshal(t, &prompb.WriteRequest{Timeseries: []prompb.TimeSeries{ts}}), Limits{}); err != nil {
		t.Fatal(err)
	}
	return r.AppendItems(nil, 0)
}

func BenchmarkHot(b *testing.B) {
	for _, v := range []Version{V1, V2} {
		for _, h := range hot(b, v) {
			b.Run(names[v]+"/"+h.name, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					h.run()
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/benchSeries, "ns/sample")
			})
		}
	}
}

func BenchmarkCheckHistogram(b *testing.B) {
	var r Request
	items := histograms(b, &r)
	for b.Loop() {
		for _, it := range items {
			if err := r.CheckHistogram(it); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(items)), "ns/histogram")
}
