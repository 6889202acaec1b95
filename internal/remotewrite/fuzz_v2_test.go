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
	writev2 "github.com/prometheus/prometheus/prompb/io/prometheus/write/v2"

	"github.com/headgate/headgate/internal/series"
)

// FuzzV2 holds our reading and filtering of 2.0 against prompb.
func FuzzV2(f *testing.F) {
	add := func(b []byte) { f.Add(b, choices) }
	full := marshal(f, toV2(requestV1()))
	add(full)
	add(nil)
	add(marshal(f, toV2(&prompb.WriteRequest{})))
	add(scatteredV2())
	add(append(full, wire{}.varint(17, 4)...))
	add(full[:len(full)-3])
	add(wire{}.text(4, "").bytes(5, wire{}.bytes(1, []byte{0})))    // odd
	add(wire{}.text(4, "").bytes(5, wire{}.bytes(1, []byte{0, 1}))) // out of range
	add(wire{}.text(4, "").bytes(5, wire{}.bytes(4, wire{}.bytes(1, []byte{0, 1}))))
	add(wire{}.text(4, "").bytes(5, wire{}.bytes(5, wire{}.varint(3, 1))))
	add(wire{}.text(4, "").bytes(5, wire{}.bytes(5, wire{}.varint(4, 1).varint(4, 0))))
	add(wire{}.text(4, "").text(4, "\xb0C").bytes(5, wire{}.bytes(5, wire{}.varint(1, 9).varint(3, 1)).bytes(5, wire{}.varint(4, 1))))
	add(wire{}.text(4, "a").bytes(5, nil))
	add(wire{}.bytes(5, nil))
	add(wire{}.text(4, "").bytes(5, wire{0x0a, 0x01, 0x80, 0x00})) // a packed reference past its field
	add(append(wire{0x22, 0x80, 0x00}, wire{}.text(4, "a").bytes(5, wire{}.bytes(1, []byte{1, 1}))...))
	add(marshal(f, toV2(realistic(3))))
	f.Fuzz(func(t *testing.T, body, choice []byte) {
		checkV2(t, body, choice)
	})
}

// soundV2 reports whether all references of a message can be followed.
func soundV2(m *writev2.Request) bool {
	if len(m.Timeseries) == 0 && len(m.Symbols) == 0 {
		return true
	}
	if len(m.Symbols) == 0 || m.Symbols[0] != "" {
		return false
	}
	ok := func(refs []uint32) bool {
		return !slices.ContainsFunc(refs, func(r uint32) bool { return int(r) >= len(m.Symbols) })
	}
	for i := range m.Timeseries {
		ts := &m.Timeseries[i]
		if len(ts.LabelsRefs)%2 != 0 || !ok(ts.LabelsRefs) || !ok([]uint32{ts.Metadata.HelpRef, ts.Metadata.UnitRef}) {
			return false
		}
		for _, x := range ts.Exemplars {
			if len(x.LabelsRefs)%2 != 0 || !ok(x.LabelsRefs) {
				return false
			}
		}
	}
	return true
}

func checkV2(t *testing.T, body, choice []byte) {
	var want writev2.Request
	wantErr := want.Unmarshal(body)
	var r Request
	if err := r.Parse(V2, body, Limits{}); err != nil {
		if !errors.Is(err, ErrMalformed) {
			t.Fatalf("Parse: got %v, want ErrMalformed", err)
		}
		if wantErr != nil || deviates(err) || !soundV2(&want) {
			return
		}
		if !errors.Is(err, errRef) {
			t.Fatalf("Parse: got %v, prompb accepts", err)
		}
		// Only a reference that a later one overrides may have been the cause.
		if err := new(Request).Parse(V2, marshal(t, &want), Limits{}); err != nil {
			t.Fatalf("Parse: got %v, all references are in range", err)
		}
		return
	}
	if wantErr != nil {
		t.Fatalf("Parse accepts, prompb says %v", wantErr)
	}
	if !soundV2(&want) {
		t.Fatal("Parse accepts references that cannot be followed")
	}
	if got, want := len(r.Entries), len(want.Timeseries); got != want {
		t.Fatalf("%d entries, prompb has %d", got, want)
	}
	if got, want := r.Others, len(want.XXX_unrecognized) > 0; got != want {
		t.Fatalf("Others: got %v, want %v", got, want)
	}
	var all []Item
	for i := range want.Timeseries {
		ts := &want.Timeseries[i]
		decoded := decodedEntry{exemplars: len(ts.Exemplars)}
		for k := 0; k < len(ts.LabelsRefs); k += 2 {
			decoded.labels = append(decoded.labels, series.Label{Name: want.Symbols[ts.LabelsRefs[k]], Value: want.Symbols[ts.LabelsRefs[k+1]]})
		}
		for _, s := range ts.Samples {
			decoded.samples = append(decoded.samples, decodedItem{ms: s.Timestamp, bits: math.Float64bits(s.Value)})
		}
		for _, h := range ts.Histograms {
			decoded.histograms = append(decoded.histograms, decodedItem{ms: h.Timestamp, bits: math.Float64bits(h.Sum), hint: int32(h.ResetHint)})
		}
		items := r.AppendItems(nil, i)
		checkEntry(t, &r, i, items, decoded)
		for k := range ts.Histograms {
			checkHistogramVerdict(t, &r, items[len(ts.Samples)+k], ts.Histograms[k])
		}
		all = append(all, items...)
	}
	checkTotals(t, &r, all)
	checkMetadataV2(t, &r, &want)

	if got := r.AppendFiltered(nil, make([]Fate, len(r.Entries)), nil); !bytes.Equal(got, body) {
		t.Fatalf("keeping all: got %q, want %q", got, body)
	}
	fates, changes := choose(&r, all, choice)
	out := r.AppendFiltered([]byte("head"), fates, changes)[4:]
	var got writev2.Request
	if err := got.Unmarshal(out); err != nil {
		t.Fatalf("prompb cannot read what was filtered: %v", err)
	}
	if err := new(Request).Parse(V2, out, Limits{}); err != nil && !errors.Is(err, errCap) {
		t.Fatalf("Parse cannot read what was filtered: %v", err)
	}
	var wantDump, gotDump strings.Builder
	filtered := false
	for i, fate := range fates {
		ts := want.Timeseries[i]
		symbols := want.Symbols
		filtered = filtered || fate != Whole
		switch fate {
		case Gone:
			continue
		case Changed:
			c := changes[0]
			changes = changes[1:]
			if c.Labels != nil {
				ts.LabelsRefs = nil
				symbols = slices.Clone(symbols)
				for _, l := range c.Labels {
					ts.LabelsRefs = append(ts.LabelsRefs, uint32(len(symbols)), uint32(len(symbols)+1))
					symbols = append(symbols, l.Name, l.Value)
				}
			}
			ts.Samples, ts.Histograms = nil, nil
			for _, it := range c.Items {
				first := slices.IndexFunc(all, func(o Item) bool { return o.Entry == it.Entry })
				k := slices.IndexFunc(all, func(o Item) bool { return o.Start == it.Start }) - first
				from := &want.Timeseries[it.Entry]
				if it.Action == Remove {
					continue
				}
				if !it.Histogram {
					s := from.Samples[k]
					if it.Action == Mark {
						s = writev2.Sample{Value: stale, Timestamp: it.Ms}
					}
					ts.Samples = append(ts.Samples, s)
					continue
				}
				h := from.Histograms[k-len(from.Samples)]
				switch it.Action {
				case Mark:
					h = writev2.Histogram{Sum: stale, Timestamp: it.Ms}
				case ClearHint:
					h.ResetHint = 0
				}
				ts.Histograms = append(ts.Histograms, h)
			}
		}
		wantDump.WriteString(dumpV2(&ts, symbols))
	}
	if !soundV2(&got) {
		t.Fatalf("filtered: references cannot be followed: %v", &got)
	}
	used := make([]bool, len(got.Symbols))
	if len(used) > 0 {
		used[0] = true
	}
	for i := range got.Timeseries {
		ts := &got.Timeseries[i]
		gotDump.WriteString(dumpV2(ts, got.Symbols))
		refs := slices.Concat(ts.LabelsRefs, []uint32{ts.Metadata.HelpRef, ts.Metadata.UnitRef})
		for _, x := range ts.Exemplars {
			refs = append(refs, x.LabelsRefs...)
		}
		for _, ref := range refs {
			used[ref] = true
		}
	}
	if d := cmp.Diff(gotDump.String(), wantDump.String()); d != "" {
		t.Fatalf("filtered (-got +want):\n%s", d)
	}
	if !bytes.Equal(got.XXX_unrecognized, want.XXX_unrecognized) {
		t.Fatalf("unknown fields: got %q, want %q", got.XXX_unrecognized, want.XXX_unrecognized)
	}
	if k := slices.Index(used, false); filtered && k >= 0 && !overridesMetadata(body) {
		t.Fatalf("symbol %q is not used by what was kept", got.Symbols[k])
	}
}

// overridesMetadata reports whether a series says a metadata reference twice,
// so that a symbol may be referred to and yet not be visible in the decoded
// message: prompb writes each but once.
func overridesMetadata(body []byte) bool {
	for i := 0; i < len(body); {
		f, err := readField(body, i)
		if err != nil {
			return false
		}
		i = f.end
		seen := map[int32]bool{}
		for j := f.val; f.num == 5 && j < f.end; {
			x, _ := readField(body[:f.end], j)
			j = x.end
			for k := x.val; x.num == 5 && k < x.end; {
				m, _ := readField(body[:x.end], k)
				k = m.end
				if (m.num == 3 || m.num == 4) && seen[m.num] {
					return true
				}
				seen[m.num] = true
			}
		}
	}
	return false
}
