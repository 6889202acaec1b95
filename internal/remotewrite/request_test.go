package remotewrite

import (
	"bytes"
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/prometheus/prometheus/prompb"

	"github.com/headgate/headgate/internal/series"
)

// parse parses a body that must be accepted.
func parse(t *testing.T, v Version, body []byte) *Request {
	t.Helper()
	r := &Request{}
	if err := r.Parse(v, body, Limits{}); err != nil {
		t.Fatalf("Parse: %v", err)
	}
	return r
}

func TestEntryIsSmall(t *testing.T) {
	if got := reflect.TypeFor[Entry]().Size(); got != entryBytes {
		t.Errorf("an entry has %d bytes, Grow is told %d", got, entryBytes)
	}
	if got := reflect.TypeFor[symbol]().Size(); got != 8 {
		t.Errorf("a symbol has %d bytes, Grow is told 8", got)
	}
}

func TestParse(t *testing.T) {
	want := requestV1()
	for v, body := range map[Version][]byte{V1: marshal(t, want), V2: marshal(t, toV2(want))} {
		r := parse(t, v, body)
		if got, want := [3]int{r.Samples, r.Histograms, r.Exemplars}, [3]int{5, 4, 1}; got != want {
			t.Errorf("%s: samples, histograms, exemplars: got %v, want %v", names[v], got, want)
		}
		var flags []EntryFlags
		for i := range r.Entries {
			flags = append(flags, r.Entries[i].Flags&^Scattered)
		}
		if want := []EntryFlags{0, 0, 0, Stale, Stale | Unordered, 0, 0}; !reflect.DeepEqual(flags, want) {
			t.Errorf("%s: flags: got %b, want %b", names[v], flags, want)
		}
		if got, want := r.Others, v == V1; got != want {
			t.Errorf("%s: others: got %v, want %v", names[v], got, want)
		}
		e := r.Entries[4]
		if e.FirstMs != 1_760_000_030_000 || e.LastMs != -5 {
			t.Errorf("%s: first and last: got %d and %d", names[v], e.FirstMs, e.LastMs)
		}
	}
}

// The fast path is what senders take, so their bodies must not miss it.
func TestSendersTakeTheFastPath(t *testing.T) {
	for v, body := range bodies(t) {
		r := parse(t, v, body)
		for i := range r.Entries {
			if r.Entries[i].Flags != 0 {
				t.Fatalf("%s: series %d: flags %b", names[v], i, r.Entries[i].Flags)
			}
		}
	}
	long := pairs("__name__", "up", "path", strings.Repeat("/a", 4000))
	r := parse(t, V1, marshal(t, &prompb.WriteRequest{Timeseries: []prompb.TimeSeries{{Labels: labelsV1(long)}}}))
	if r.Entries[0].Flags&Scattered != 0 {
		t.Error("a label of 8000 bytes is scattered")
	}
}

func TestParseRefuses(t *testing.T) {
	const n = 100_000
	ten := bytes.Repeat([]byte{0x80}, 9)
	manyLabels := wire{}.bytes(1, bytes.Repeat(wire{}.bytes(1, nil), maxEntryLabels+1))
	manyRefs := wire{}.text(4, "").bytes(5, wire{}.bytes(1, make([]byte, 2*maxEntryLabels+2)))
	bomb := wire{}.text(4, "").text(4, strings.Repeat("x", 1<<16)).bytes(5, wire{}.bytes(1, bytes.Repeat([]byte{1}, 34)))
	for _, c := range []struct {
		name string
		v    Version
		body []byte
		lim  Limits
		want error
	}{
		{"a body over its limit", V1, make([]byte, 11), Limits{MaxDecodedBytes: 10}, errBodySize},
		{"empty series", V1, bytes.Repeat([]byte{0x0a, 0x00}, n), Limits{MaxSeries: 1000}, errSeries},
		{"empty series of 2.0", V2, append(wire{}.text(4, ""), bytes.Repeat([]byte{0x2a, 0x00}, n)...), Limits{MaxSeries: 1000}, errSeries},
		{"symbols", V2, bytes.Repeat([]byte{0x22, 0x00}, n), Limits{MaxSeries: 1000}, errSymbols},
		{"empty samples", V1, wire{}.bytes(1, bytes.Repeat([]byte{0x12, 0x00}, n)), Limits{}, errItems},
		{"empty exemplars of 2.0", V2, wire{}.text(4, "").bytes(5, bytes.Repeat([]byte{0x22, 0x00}, n)), Limits{}, errItems},
		{"labels", V1, manyLabels, Limits{}, errLabels},
		{"scattered labels of more bytes than scratch", V1, wire{}.bytes(1, wire{}.bytes(1, wire{}.text(1, strings.Repeat("x", maxLabelBytes)))), Limits{}, errLabels},
		{"label references", V2, manyRefs, Limits{}, errLabels},
		{"references to a long symbol", V2, bomb, Limits{}, errExpanded},
		{"a truncated tag", V1, []byte{0x80}, Limits{}, errVarint},
		{"an overlong tag", V1, append(ten, 0x80, 0x00), Limits{}, errVarint},
		{"an overlong length", V1, append(append([]byte{0x0a}, ten...), 0x80, 0x00), Limits{}, errVarint},
		{"a length of 2^63", V1, append(append([]byte{0x0a}, ten...), 0x01), Limits{}, errLength},
		{"a length past the body", V1, []byte{0x0a, 0x01}, Limits{}, errLength},
		{"a label past its series", V1, wire{}.bytes(1, []byte{0x0a, 0x07, 0x0a, 0x01, 'a'}), Limits{}, errLength},
		{"field number 0", V1, []byte{0x02, 0x00}, Limits{}, errFieldNumber},
		{"a group", V1, []byte{0x13, 0x14}, Limits{}, errGroup},
		{"the end of a group", V2, []byte{0x14}, Limits{}, errGroup},
		{"wire type 6", V1, []byte{0x16}, Limits{}, errWireType},
		{"series as a number", V1, wire{}.varint(1, 1), Limits{}, errWireType},
		{"symbols as a number", V2, wire{}.varint(4, 1), Limits{}, errWireType},
		{"a value as a number", V1, wire{}.bytes(1, wire{}.bytes(2, wire{}.varint(1, 1))), Limits{}, errWireType},
		{"metadata as a number", V1, wire{}.varint(3, 1), Limits{}, errWireType},
		{"a packed delta that does not end", V1, wire{}.bytes(1, wire{}.bytes(4, wire{}.bytes(12, []byte{0x80}))), Limits{}, errPacked},
		{"packed counts of seven bytes", V1, wire{}.bytes(1, wire{}.bytes(4, wire{}.bytes(13, make([]byte, 7)))), Limits{}, errPacked},
		{"an odd number of references", V2, wire{}.text(4, "").bytes(5, wire{}.bytes(1, []byte{0})), Limits{}, errOddRefs},
		{"an odd number of references of an exemplar", V2, wire{}.text(4, "").bytes(5, wire{}.bytes(4, wire{}.varint(1, 0))), Limits{}, errOddRefs},
		{"a label reference out of range", V2, wire{}.text(4, "").bytes(5, wire{}.bytes(1, []byte{0, 1})), Limits{}, errRef},
		{"an exemplar's reference out of range", V2, wire{}.text(4, "").bytes(5, wire{}.bytes(4, wire{}.bytes(1, []byte{0, 1}))), Limits{}, errRef},
		{"help_ref out of range", V2, wire{}.text(4, "").bytes(5, wire{}.bytes(5, wire{}.varint(3, 1))), Limits{}, errRef},
		{"unit_ref out of range", V2, wire{}.text(4, "").bytes(5, wire{}.bytes(5, wire{}.varint(4, math.MaxUint32))), Limits{}, errRef},
		{"a first symbol that is not empty", V2, wire{}.text(4, "a"), Limits{}, errFirstSymbol},
		{"series without symbols", V2, wire{}.bytes(5, nil), Limits{}, errNoSymbols},
	} {
		t.Run(c.name, func(t *testing.T) {
			var r Request
			err := r.Parse(c.v, c.body, c.lim)
			if !errors.Is(err, ErrMalformed) || !errors.Is(err, c.want) {
				t.Errorf("got %v, want ErrMalformed: %v", err, c.want)
			}
			if len(r.Entries) != 0 || cap(r.Entries) > 1<<17 {
				t.Errorf("%d entries are left, of %d", len(r.Entries), cap(r.Entries))
			}
		})
	}
}

// A series over the limits on labels is the caller's to judge: the others of
// the request are to be kept.
func TestManyAndLongLabelsAreNoParseError(t *testing.T) {
	var ls series.Labels
	for i := range 5000 {
		ls = append(ls, series.Label{Name: "l" + strings.Repeat("x", i%7), Value: strings.Repeat("v", i%50)})
	}
	ls = append(ls, series.Label{Name: "long", Value: strings.Repeat("v", 1<<16)})
	req := &prompb.WriteRequest{Timeseries: []prompb.TimeSeries{{Labels: labelsV1(ls)}, {Labels: labelsV1(pairs("__name__", "up"))}}}
	for v, body := range map[Version][]byte{V1: marshal(t, req), V2: marshal(t, toV2(req))} {
		r := &Request{}
		if err := r.Parse(v, body, Limits{MaxLabels: 30, MaxSeries: 10_000}); err != nil {
			t.Fatalf("%s: %v", names[v], err)
		}
		if got := r.AppendLabels(nil, &r.Entries[0]); !reflect.DeepEqual(got, ls) {
			t.Errorf("%s: labels differ", names[v])
		}
		if got, want := r.LabelBytes(&r.Entries[0]), AppendIdentity(nil, ls); !bytes.Equal(got, want) {
			t.Errorf("%s: identity differs", names[v])
		}
	}
}

func TestGrowIsAskedBeforeScratchGrows(t *testing.T) {
	refused := errors.New("no memory")
	for v, body := range map[Version][]byte{
		V1: bytes.Repeat([]byte{0x0a, 0x00}, 10_000),
		V2: bytes.Repeat([]byte{0x22, 0x00}, 10_000),
	} {
		asked := 0
		r := &Request{Grow: func(n int) error { asked += n; return nil }}
		if err := r.Parse(v, body, Limits{}); err != nil {
			t.Fatal(err)
		}
		if got, want := asked, cap(r.Entries)*entryBytes+cap(r.symbols)*symbolBytes; got != want {
			t.Errorf("%s: asked for %d bytes, holds %d", names[v], got, want)
		}
		before := asked
		if err := r.Parse(v, body, Limits{}); err != nil || asked != before {
			t.Errorf("%s: the second time: %v, asked for %d more", names[v], err, asked-before)
		}
		r = &Request{Grow: func(n int) error {
			if asked -= n; asked < before/2 {
				return refused
			}
			return nil
		}}
		if err := r.Parse(v, body, Limits{}); err != refused {
			t.Errorf("%s: got %v, want Grow's error as it is", names[v], err)
		}
	}
}

func TestResetKeepsBoundedScratch(t *testing.T) {
	r := parse(t, V1, bytes.Repeat([]byte{0x0a, 0x00}, 2*maxKeptEntries))
	r.Reset()
	if cap(r.Entries) != 0 || r.Body != nil {
		t.Errorf("kept %d entries and a body of %d bytes", cap(r.Entries), len(r.Body))
	}
	r = parse(t, V1, marshal(t, realistic(100)))
	r.Reset()
	if cap(r.Entries) < 100 || len(r.Entries) != 0 || r.Samples != 0 {
		t.Errorf("kept %d entries of %d, %d samples", len(r.Entries), cap(r.Entries), r.Samples)
	}
}
