package remotewrite

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/prometheus/prompb"
	writev2 "github.com/prometheus/prometheus/prompb/io/prometheus/write/v2"
	"pgregory.net/rapid"
)

// wantText is what of s may be read, found by trying.
func wantText(s string, most int) string {
	for n := min(len(s), most); ; n-- {
		if utf8.ValidString(s[:n]) {
			return s[:n]
		}
	}
}

func wantType(n int32) MetricType {
	if n < 0 || n > 7 {
		return TypeUnknown
	}
	return MetricType(n)
}

// checkMetadataV1 holds what r says of metrics against what prompb says.
func checkMetadataV1(t *testing.T, r *Request, decoded []prompb.MetricMetadata) {
	t.Helper()
	var want []Metadata
	said := false
	for _, m := range decoded {
		said = said || m.Type != 0 || m.MetricFamilyName+m.Help+m.Unit != ""
		name := m.MetricFamilyName
		if name == "" || len(name) > maxMetricBytes || !utf8.ValidString(name) || len(want) == maxMetadata {
			continue
		}
		want = append(want, Metadata{name, wantType(int32(m.Type)), wantText(m.Help, maxHelpBytes), wantText(m.Unit, maxUnitBytes)})
	}
	if d := cmp.Diff(r.AppendMetadata(nil), want); d != "" {
		t.Fatalf("metadata (-got +want):\n%s", d)
	}
	if !r.HasMetadata() && said || r.HasMetadata() && len(decoded) == 0 {
		t.Fatalf("HasMetadata: got %v, prompb has %v", r.HasMetadata(), decoded)
	}
	for i := range r.Entries {
		if m, ok := r.EntryMetadata(&r.Entries[i]); ok || m != (Metadata{}) {
			t.Fatalf("series %d: got %v, %v of 1.0", i, m, ok)
		}
	}
}

// checkMetadataV2 holds what r says of its series' metrics against what prompb
// says.
func checkMetadataV2(t *testing.T, r *Request, decoded *writev2.Request) {
	t.Helper()
	if got := r.AppendMetadata(nil); got != nil {
		t.Fatalf("AppendMetadata: got %v of 2.0", got)
	}
	said := false
	for i := range decoded.Timeseries {
		m := decoded.Timeseries[i].Metadata
		said = said || m.Type != 0 || m.HelpRef|m.UnitRef != 0
		want := Metadata{
			Type: wantType(int32(m.Type)),
			Help: wantText(decoded.Symbols[m.HelpRef], maxHelpBytes),
			Unit: wantText(decoded.Symbols[m.UnitRef], maxUnitBytes),
		}
		got, ok := r.EntryMetadata(&r.Entries[i])
		if got != want || ok != (want != Metadata{}) {
			t.Fatalf("series %d: metadata: got %+v, %v, want %+v", i, got, ok, want)
		}
	}
	if !r.HasMetadata() && said || r.HasMetadata() && len(r.Entries) == 0 {
		t.Fatalf("HasMetadata: got %v, prompb has %v", r.HasMetadata(), decoded)
	}
}

func TestTypesHaveTheNamesAndNumbersOfTheProtocol(t *testing.T) {
	for n, want := range prompb.MetricMetadata_MetricType_name {
		if got := metricType(uint64(n)).String(); got != strings.ToLower(want) {
			t.Errorf("type %d of 1.0: got %s, want %s", n, got, strings.ToLower(want))
		}
	}
	for n, want := range writev2.Metadata_MetricType_name {
		want = strings.ToLower(strings.TrimPrefix(want, "METRIC_TYPE_"))
		if want == "unspecified" {
			want = "unknown"
		}
		if got := metricType(uint64(n)).String(); got != want {
			t.Errorf("type %d of 2.0: got %s, want %s", n, got, want)
		}
	}
	for _, n := range []uint64{8, 1 << 31, 1<<32 - 1, 1<<32 + 8, 1<<64 - 1} {
		if got := metricType(n); got != TypeUnknown {
			t.Errorf("type %d: got %s, want unknown", n, got)
		}
	}
	if got := MetricType(200).String(); got != "unknown" {
		t.Errorf("got %s, want unknown", got)
	}
}

// A text is one that a sender may write, and how it is read.
var texts = []struct {
	name, sent string
	help, unit string
}{
	{"nothing", "", "", ""},
	{"a word", "seconds", "seconds", "seconds"},
	{"more than one byte a rune", "°C", "°C", "°C"},
	{"Latin-1", "in \xb0C", "in ", "in "},
	{"no text at all", "\xff\xfe", "", ""},
	{"the replacement rune itself", "a\ufffdb", "a\ufffdb", "a\ufffdb"},
	{"as long as a unit may be", strings.Repeat("u", 64), strings.Repeat("u", 64), strings.Repeat("u", 64)},
	{"a rune over the end of a unit", strings.Repeat("u", 63) + "°", strings.Repeat("u", 63) + "°", strings.Repeat("u", 63)},
	{"as long as a help may be", strings.Repeat("h", 1024), strings.Repeat("h", 1024), strings.Repeat("h", 64)},
	{"a rune over the end of a help", strings.Repeat("h", 1022) + "€", strings.Repeat("h", 1022), strings.Repeat("h", 64)},
	{"a megabyte", strings.Repeat("h", 1<<20), strings.Repeat("h", 1024), strings.Repeat("h", 64)},
}

func TestTextsAreCutAndValid(t *testing.T) {
	for _, c := range texts {
		t.Run(c.name, func(t *testing.T) {
			r := parse(t, V1, marshal(t, &prompb.WriteRequest{Metadata: []prompb.MetricMetadata{
				{MetricFamilyName: "up", Type: prompb.MetricMetadata_INFO, Help: c.sent, Unit: c.sent},
			}}))
			want := Metadata{Metric: "up", Type: TypeInfo, Help: c.help, Unit: c.unit}
			if d := cmp.Diff(r.AppendMetadata(nil), []Metadata{want}); d != "" {
				t.Errorf("1.0 (-got +want):\n%s", d)
			}
			r = parse(t, V2, marshal(t, &writev2.Request{
				Symbols: []string{"", "__name__", "up", c.sent},
				Timeseries: []writev2.TimeSeries{{
					LabelsRefs: []uint32{1, 2}, Metadata: writev2.Metadata{Type: writev2.Metadata_METRIC_TYPE_INFO, HelpRef: 3, UnitRef: 3},
				}},
			}))
			want.Metric = ""
			if got, ok := r.EntryMetadata(&r.Entries[0]); got != want || !ok {
				t.Errorf("2.0: got %+v, %v, want %+v", got, ok, want)
			}
		})
	}
}

func TestMetadataWithoutAUsableNameIsLeftOut(t *testing.T) {
	long := strings.Repeat("n", maxMetricBytes)
	r := parse(t, V1, marshal(t, &prompb.WriteRequest{Metadata: []prompb.MetricMetadata{
		{Help: "nobody's"}, {MetricFamilyName: "a\xff"}, {MetricFamilyName: long + "n"}, {MetricFamilyName: long}, {MetricFamilyName: "naïve"}, {},
	}}))
	if d := cmp.Diff(r.AppendMetadata(nil), []Metadata{{Metric: long}, {Metric: "naïve"}}); d != "" {
		t.Errorf("(-got +want):\n%s", d)
	}
}

func TestMetadataIsFoundAmongSeries(t *testing.T) {
	ts := wire{}.bytes(1, wire{}.bytes(1, wire{}.text(1, "__name__").text(2, "up")))
	about := func(name string) wire { return wire{}.bytes(3, wire{}.varint(1, 2).text(2, name)) }
	r := parse(t, V1, slices.Concat(ts, wire{}.bytes(3, nil), wire{}.varint(12, 3), about("a"), ts, about("b"), wire{}.text(2, "reserved"), about("a"), ts))
	first := Metadata{Metric: "first"}
	want := []Metadata{first, {Metric: "a", Type: TypeGauge}, {Metric: "b", Type: TypeGauge}, {Metric: "a", Type: TypeGauge}}
	if d := cmp.Diff(r.AppendMetadata([]Metadata{first}), want); d != "" {
		t.Errorf("(-got +want):\n%s", d)
	}
	if got := len(r.Entries); got != 3 {
		t.Errorf("%d series, want 3", got)
	}
}

func TestHasMetadata(t *testing.T) {
	ts := wire{}.bytes(1, []byte{1, 2})
	symbols := wire{}.text(4, "").text(4, "__name__").text(4, "up")
	for _, c := range []struct {
		name string
		v    Version
		body wire
		want bool
	}{
		{"an empty body", V1, nil, false},
		{"an empty body of 2.0", V2, nil, false},
		{"series alone", V1, wire{}.bytes(1, nil), false},
		{"fields that are not known", V1, wire{}.varint(12, 1).text(2, "x"), false},
		{"an empty message", V1, wire{}.bytes(3, nil), false},
		{"metadata alone", V1, wire{}.bytes(3, wire{}.text(2, "up")), true},
		{"metadata after series", V1, wire{}.bytes(1, nil).bytes(3, wire{}.text(2, "up")), true},
		{"series without metadata", V2, slices.Concat(symbols, wire{}.bytes(5, ts)), false},
		{"the empty message that prompb writes", V2, slices.Concat(symbols, wire{}.bytes(5, slices.Concat(ts, wire{}.bytes(5, nil)))), false},
		{"a type", V2, slices.Concat(symbols, wire{}.bytes(5, ts), wire{}.bytes(5, slices.Concat(ts, wire{}.bytes(5, wire{}.varint(1, 1))))), true},
		{"a long message", V2, slices.Concat(symbols, wire{}.bytes(5, slices.Concat(ts, wire{}.bytes(5, wire{}.text(9, strings.Repeat("x", 1<<15)))))), true},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := parse(t, c.v, c.body)
			if got := r.HasMetadata(); got != c.want {
				t.Errorf("got %v, want %v", got, c.want)
			}
			r.Reset()
			if r.HasMetadata() || r.AppendMetadata(nil) != nil {
				t.Error("Reset leaves metadata behind")
			}
		})
	}
	r := parse(t, V1, wire{}.bytes(3, wire{}.text(2, "up")))
	if err := r.Parse(V1, wire{}.bytes(3, wire{}.text(2, "up")).varint(1, 1), Limits{}); err == nil || r.HasMetadata() {
		t.Errorf("after %v: metadata is %v", err, r.HasMetadata())
	}
}

// Of a repeated message of 2.0 each field's last value holds, wherever it stands.
func TestRepeatedMetadataIsMerged(t *testing.T) {
	body := wire{}.text(4, "").text(4, "__name__").text(4, "up").text(4, "help").text(4, "other").
		bytes(5, wire{}.bytes(5, wire{}.varint(1, 1).varint(3, 4)).varint(1, 1).varint(1, 2).bytes(5, wire{}.varint(4, 4)).bytes(5, wire{}.varint(3, 3)))
	r := parse(t, V2, body)
	want := Metadata{Type: TypeCounter, Help: "help", Unit: "other"}
	if got, ok := r.EntryMetadata(&r.Entries[0]); got != want || !ok {
		t.Errorf("got %+v, %v, want %+v", got, ok, want)
	}
}

// What two bytes of a body stand for must not become 56 bytes of memory for
// all of it.
func TestMetadataIsBounded(t *testing.T) {
	for name, message := range map[string]wire{
		"empty messages":       wire{}.bytes(3, nil),
		"messages of one byte": wire{}.bytes(3, wire{}.text(2, "x")),
	} {
		r := parse(t, V1, bytes.Repeat(message, 1<<20))
		if got := len(r.AppendMetadata(make([]Metadata, 3))); got > 3+maxMetadata {
			t.Errorf("%s: %d of them are read, want %d at most", name, got, maxMetadata)
		}
	}
}

func TestMetadataIsAsPrompbHasIt(t *testing.T) {
	text := rapid.OneOf(rapid.String(), rapid.StringN(60, 70, -1), rapid.Map(rapid.SliceOfN(rapid.Byte(), 0, 80), func(b []byte) string { return string(b) }),
		rapid.Map(rapid.IntRange(1000, 1030), func(n int) string { return strings.Repeat("a", n) + "ö€𝄞" }))
	number := rapid.Int32Range(-1, 9)
	rapid.Check(t, func(rt *rapid.T) {
		var v1 prompb.WriteRequest
		v2 := writev2.Request{Symbols: append([]string{""}, rapid.SliceOfN(text, 1, 6).Draw(rt, "symbols")...)}
		ref := rapid.Uint32Range(0, uint32(len(v2.Symbols)-1))
		for range rapid.IntRange(0, 4).Draw(rt, "messages") {
			v1.Metadata = append(v1.Metadata, prompb.MetricMetadata{
				Type:             prompb.MetricMetadata_MetricType(number.Draw(rt, "type")),
				MetricFamilyName: text.Draw(rt, "name"), Help: text.Draw(rt, "help"), Unit: text.Draw(rt, "unit"),
			})
			v2.Timeseries = append(v2.Timeseries, writev2.TimeSeries{
				LabelsRefs: []uint32{0, ref.Draw(rt, "value")}, Samples: []writev2.Sample{{Value: 1, Timestamp: 1_760_000_000_000}},
				Metadata: writev2.Metadata{
					Type:    writev2.Metadata_MetricType(number.Draw(rt, "type")),
					HelpRef: ref.Draw(rt, "help"), UnitRef: ref.Draw(rt, "unit"),
				},
			})
		}
		checkMetadataV1(t, parse(t, V1, marshal(t, &v1)), v1.Metadata)
		checkMetadataV2(t, parse(t, V2, marshal(t, &v2)), &v2)
	})
}

// described is what Prometheus sends of n metrics once a minute.
func described(n int) *prompb.WriteRequest {
	req := &prompb.WriteRequest{}
	for i := range n {
		req.Metadata = append(req.Metadata, prompb.MetricMetadata{
			Type: prompb.MetricMetadata_MetricType(i % 8), MetricFamilyName: fmt.Sprintf("container_network_receive_packets_dropped_%d_total", i),
			Help: "Cumulative count of packets dropped while receiving, as the kernel counts them.", Unit: "packets",
		})
	}
	return req
}

// metadataReads are the reads of metadata, of benchSeries metrics each.
func metadataReads(t testing.TB) map[string]func() {
	var v1, v2 Request
	about := marshal(t, described(benchSeries))
	walk := func() {
		if err := v1.Parse(V1, about, Limits{}); err != nil {
			t.Fatal(err)
		}
	}
	walk()
	if err := v2.Parse(V2, bodies(t)[V2], Limits{}); err != nil {
		t.Fatal(err)
	}
	var dst []Metadata
	return map[string]func(){
		"1.0 Parse": walk,
		"1.0 AppendMetadata": func() {
			if dst = v1.AppendMetadata(dst[:0]); len(dst) != benchSeries {
				t.Fatalf("%d messages, want %d", len(dst), benchSeries)
			}
		},
		"2.0 EntryMetadata": func() {
			for i := range v2.Entries {
				if _, ok := v2.EntryMetadata(&v2.Entries[i]); !ok {
					t.Fatal("nothing is said")
				}
			}
		},
	}
}

func TestMetadataDoesNotAllocate(t *testing.T) {
	for name, read := range metadataReads(t) {
		t.Run(name, func(t *testing.T) {
			read()
			if n := testing.AllocsPerRun(5, read); n != 0 {
				t.Errorf("got %v allocations, want 0", n)
			}
		})
	}
}

func BenchmarkMetadata(b *testing.B) {
	for name, read := range metadataReads(b) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				read()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/benchSeries, "ns/metric")
		})
	}
}
