package remotewrite

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/headgate/headgate/internal/series"
)

var choices = []byte{0, 1, 2, 0x42, 0x93, 7, 0xff, 0x1e}

// deviates reports whether err is a refusal that prompb does not share.
func deviates(err error) bool {
	return errors.Is(err, errCap) || errors.Is(err, errGroup) || errors.Is(err, errPacked)
}

// A decodedEntry is what prompb says of a series.
type decodedEntry struct {
	labels              series.Labels
	samples, histograms []decodedItem
	exemplars           int
}

type decodedItem struct {
	ms   int64
	bits uint64 // of the value, or of the sum
	hint int32
}

// checkEntry holds entry i of r against what prompb says of it.
func checkEntry(t *testing.T, r *Request, i int, items []Item, want decodedEntry) {
	t.Helper()
	e := &r.Entries[i]
	if d := cmp.Diff(r.AppendLabels(nil, e), want.labels); d != "" {
		t.Fatalf("series %d: labels (-got +want):\n%s", i, d)
	}
	if got, want := r.LabelBytes(e), AppendIdentity(nil, want.labels); !bytes.Equal(got, want) {
		t.Fatalf("series %d: identity: got %q, want %q", i, got, want)
	}
	if got, want := [3]int{int(e.Samples), int(e.Histograms), int(e.Exemplars)}, [3]int{len(want.samples), len(want.histograms), want.exemplars}; got != want {
		t.Fatalf("series %d: samples, histograms, exemplars: got %v, want %v", i, got, want)
	}
	var flags EntryFlags
	all := slices.Concat(want.samples, want.histograms)
	if len(want.samples) > 0 && len(want.histograms) > 0 {
		flags |= Unordered
	}
	for k, it := range all {
		if it.bits == staleNaN {
			flags |= Stale
		}
		if k > 0 && it.ms <= all[k-1].ms && k != len(want.samples) {
			flags |= Unordered
		}
	}
	if got := e.Flags &^ Scattered; got != flags {
		t.Fatalf("series %d: flags: got %b, want %b", i, got, flags)
	}
	if len(all) != len(items) {
		t.Fatalf("series %d: %d items, want %d", i, len(items), len(all))
	}
	if len(all) == 0 {
		return
	}
	if e.FirstMs != all[0].ms || e.LastMs != all[len(all)-1].ms {
		t.Fatalf("series %d: first and last: got %d, %d, want %d, %d", i, e.FirstMs, e.LastMs, all[0].ms, all[len(all)-1].ms)
	}
	for k, it := range items {
		w := all[k]
		isHistogram := k >= len(want.samples)
		if it.Ms != w.ms || it.Histogram != isHistogram || it.Stale != (w.bits == staleNaN) || int(it.Entry) != i ||
			it.Gauge != (w.hint == hintGauge) || it.HintSet != (w.hint == hintYes || w.hint == hintNo) {
			t.Fatalf("series %d: item %d: got %+v, want %+v", i, k, it, w)
		}
		if !r.Same(it, it) {
			t.Fatalf("series %d: item %d is not the same as itself", i, k)
		}
		if k > 0 && !isHistogram && r.Same(it, items[k-1]) != (w == all[k-1]) {
			t.Fatalf("series %d: item %d: same as the one before is %v", i, k, r.Same(it, items[k-1]))
		}
	}
}

func checkTotals(t *testing.T, r *Request, items []Item) {
	t.Helper()
	if r.Samples+r.Histograms != len(items) {
		t.Fatalf("totals: %d samples and %d histograms, want %d items", r.Samples, r.Histograms, len(items))
	}
}

// choose makes fates and changes from the bytes of a fuzzer.
func choose(r *Request, all []Item, choice []byte) ([]Fate, []Change) {
	at := 0
	next := func() byte {
		if len(choice) == 0 {
			return 0
		}
		at++
		return choice[at%len(choice)] + byte(at/len(choice))*31
	}
	fates := make([]Fate, len(r.Entries))
	var changes []Change
	for i := range fates {
		b := next()
		fates[i] = Fate(b % 3)
		if fates[i] != Changed {
			continue
		}
		c := Change{Entry: i}
		if b&0x08 != 0 {
			c.Labels = r.AppendLabels(series.Labels{}, &r.Entries[i])
			c.Labels.Sort()
			if b&0x80 != 0 {
				c.Labels = append(c.Labels, series.Label{Name: "added", Value: "by us"})
			}
		}
		c.Items = r.AppendItems(nil, i)
		if b&0x10 != 0 && len(all) > 0 {
			c.Items = append(c.Items, all[int(next())%len(all)])
		}
		for k := range c.Items {
			c.Items[k].Action = ItemAction(next() % 4)
		}
		changes = append(changes, c)
	}
	return fates, changes
}
