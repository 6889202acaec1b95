package remotewrite

import (
	"bytes"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/prometheus/prompb"

	"github.com/headgate/headgate/internal/series"
)

// FuzzV1 holds our reading and filtering of 1.0 against prompb.
func FuzzV1(f *testing.F) {
	add := func(b []byte) { f.Add(b, choices) }
	full := marshal(f, requestV1())
	add(full)
	add(nil)
	add(marshal(f, &prompb.WriteRequest{Metadata: requestV1().Metadata}))
	add(marshal(f, &prompb.WriteRequest{Metadata: []prompb.MetricMetadata{{MetricFamilyName: "\xff"}, {MetricFamilyName: "a", Help: "\xb0C", Unit: strings.Repeat("u", 65)}}}))
	add(wire{}.bytes(3, wire{}.varint(1, 1<<32+2).text(2, "b").text(2, "a").varint(9, 1).text(4, strings.Repeat("h", 1023)+"°")))
	add(scatteredV1())
	add(append(full, wire{}.varint(17, 4)...))
	add(full[:len(full)-3])
	add(wire{0x0b, 0x0c})                                                              // a group of a known number
	add(wire{0x13, 0x0a, 0x00, 0x14})                                                  // an unknown one
	add(wire{0x0a, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0})     // an overlong length
	add(wire{0x8a, 0x80, 0x80, 0x80, 0x80, 0x01, 0x00})                                // bits over 32 in a tag
	add(wire{}.bytes(1, wire{}.bytes(4, wire{}.bytes(12, []byte{0x80}).varint(3, 1)))) // a packed value past its field
	add(marshal(f, realistic(3)))
	f.Fuzz(func(t *testing.T, body, choice []byte) {
		checkV1(t, body, choice)
	})
}

func checkV1(t *testing.T, body, choice []byte) {
	var want prompb.WriteRequest
	wantErr := want.Unmarshal(body)
	var r Request
	if err := r.Parse(V1, body, Limits{}); err != nil {
		if !errors.Is(err, ErrMalformed) {
			t.Fatalf("Parse: got %v, want ErrMalformed", err)
		}
		if wantErr == nil && !deviates(err) {
			t.Fatalf("Parse: got %v, prompb accepts", err)
		}
		return
	}
	if wantErr != nil {
		t.Fatalf("Parse accepts, prompb says %v", wantErr)
	}
	if got, want := len(r.Entries), len(want.Timeseries); got != want {
		t.Fatalf("%d entries, prompb has %d", got, want)
	}
	if got, want := r.Others, len(want.Metadata)+len(want.XXX_unrecognized) > 0; got != want {
		t.Fatalf("Others: got %v, want %v", got, want)
	}
	var all []Item
	same := &prompb.WriteRequest{}
	for i := range want.Timeseries {
		ts := &want.Timeseries[i]
		var ls series.Labels
		for _, l := range ts.Labels {
			ls = append(ls, series.Label{Name: l.Name, Value: l.Value})
		}
		same.Timeseries = append(same.Timeseries, prompb.TimeSeries{Labels: ts.Labels})
		decoded := decodedEntry{labels: ls, exemplars: len(ts.Exemplars)}
		for _, s := range ts.Samples {
			decoded.samples = append(decoded.samples, decodedItem{ms: s.Timestamp, bits: math.Float64bits(s.Value)})
		}
		for _, h := range ts.Histograms {
			decoded.histograms = append(decoded.histograms, decodedItem{ms: h.Timestamp, bits: math.Float64bits(h.Sum), hint: int32(h.ResetHint)})
		}
		items := r.AppendItems(nil, i)
		checkEntry(t, &r, i, items, decoded)
		for k := range ts.Histograms {
			checkHistogramVerdict(t, &r, items[len(ts.Samples)+k], histogramV2(ts.Histograms[k]))
		}
		all = append(all, items...)
	}
	checkTotals(t, &r, all)
	checkMetadataV1(t, &r, want.Metadata)

	// The same labels have the same identity in 2.0.
	var r2 Request
	if err := r2.Parse(V2, marshal(t, toV2(same)), Limits{}); err != nil {
		if !deviates(err) {
			t.Fatalf("Parse of the same labels in 2.0: %v", err)
		}
	} else {
		for i := range r.Entries {
			if got, want := r2.LabelBytes(&r2.Entries[i]), r.LabelBytes(&r.Entries[i]); !bytes.Equal(got, want) {
				t.Fatalf("series %d: identity of 2.0 %q, of 1.0 %q", i, got, want)
			}
		}
	}

	if got := r.AppendFiltered(nil, make([]Fate, len(r.Entries)), nil); !bytes.Equal(got, body) {
		t.Fatalf("keeping all: got %q, want %q", got, body)
	}
	fates, changes := choose(&r, all, choice)
	out := r.AppendFiltered([]byte("head"), fates, changes)[4:]
	var got prompb.WriteRequest
	if err := got.Unmarshal(out); err != nil {
		t.Fatalf("prompb cannot read what was filtered: %v", err)
	}
	if err := new(Request).Parse(V1, out, Limits{}); err != nil && !errors.Is(err, errItems) {
		t.Fatalf("Parse cannot read what was filtered: %v", err)
	}
	item := func(it Item) (prompb.Sample, prompb.Histogram) {
		k := slices.IndexFunc(all, func(o Item) bool { return o.Start == it.Start })
		for k > 0 && all[k-1].Entry == it.Entry {
			k--
		}
		own := all[k:]
		ts := &want.Timeseries[it.Entry]
		k = slices.IndexFunc(own, func(o Item) bool { return o.Start == it.Start })
		if it.Histogram {
			return prompb.Sample{}, ts.Histograms[k-len(ts.Samples)]
		}
		return ts.Samples[k], prompb.Histogram{}
	}
	var wantDump, gotDump strings.Builder
	for i, fate := range fates {
		ts := want.Timeseries[i]
		switch fate {
		case Gone:
			continue
		case Changed:
			c := changes[0]
			changes = changes[1:]
			if c.Labels != nil {
				ts.Labels = labelsV1(c.Labels)
			}
			ts.Samples, ts.Histograms = nil, nil
			for _, it := range c.Items {
				s, h := item(it)
				switch {
				case it.Action == Remove:
					continue
				case it.Action == Mark && it.Histogram:
					h = staleHistogram(it.Ms)
				case it.Action == Mark:
					s = prompb.Sample{Value: stale, Timestamp: it.Ms}
				case it.Action == ClearHint:
					h.ResetHint = 0
				}
				if it.Histogram {
					ts.Histograms = append(ts.Histograms, h)
				} else {
					ts.Samples = append(ts.Samples, s)
				}
			}
		}
		wantDump.WriteString(dumpV1(&ts))
	}
	for i := range got.Timeseries {
		gotDump.WriteString(dumpV1(&got.Timeseries[i]))
	}
	if d := cmp.Diff(gotDump.String(), wantDump.String()); d != "" {
		t.Fatalf("filtered (-got +want):\n%s", d)
	}
	if d := cmp.Diff(got.Metadata, want.Metadata); d != "" {
		t.Fatalf("metadata (-got +want):\n%s", d)
	}
	if !bytes.Equal(got.XXX_unrecognized, want.XXX_unrecognized) {
		t.Fatalf("unknown fields: got %q, want %q", got.XXX_unrecognized, want.XXX_unrecognized)
	}
}
