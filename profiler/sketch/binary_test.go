package sketch

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestWindowReadsAsWritten(t *testing.T) {
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			w := filled(k.precision, k.sparse, k.series)
			written := append(w.AppendBinary([]byte("before")), "after"...)
			r, rest, err := ReadWindow(written[len("before"):])
			if err != nil || string(rest) != "after" {
				t.Fatalf("read: %v, rest %q", err, rest)
			}
			if r.Precision() != k.precision || r.sparse != k.sparse {
				t.Errorf("precision %d, sparse %v; want %d, %v", r.Precision(), r.sparse, k.precision, k.sparse)
			}
			for part := int64(-1); part <= 2*Parts; part++ {
				if got, want := r.Estimate(part), w.Estimate(part); got != want {
					t.Errorf("part %d: %d, want %d", part, got, want)
				}
			}
		})
	}
	r, _, err := ReadWindow(NewWindow(12, true).AppendBinary(nil))
	if err != nil || r.Estimate(0) != 0 {
		t.Errorf("an empty window: %v", err)
	}
}

// Written in version 1, and to be read for as long as there is a version 1.
const (
	windowOfVersion1 = "\x01\x01\x0e\x07\x54\x00\x02\x83\xac\x80\x2d\x37\x54\x1c\x25\x82\x87\xb0\xef\xe7\xdc\x3f\x12"
	topOfVersion1    = "\x01\x01\x04\x54\x00\x02\x03\x03\x00\x01b\x01\x01\x00\x01a\x00\x01\x02\x02\x00\x01b"
)

func TestVersion1IsRead(t *testing.T) {
	w, rest, err := ReadWindow([]byte(windowOfVersion1))
	if err != nil || len(rest) > 0 {
		t.Fatalf("window: %v, %d bytes left", err, len(rest))
	}
	for part, want := range map[int64]int{40: 0, 41: 2, 42: 2, 46: 2, 47: 1, 48: 0} {
		if n, ok := w.Exact(part); !ok || n != want {
			t.Errorf("part %d: counts %d, exact %v; want %d", part, n, ok, want)
		}
	}
	top, rest, err := ReadTop([]byte(topOfVersion1))
	if err != nil || len(rest) > 0 {
		t.Fatalf("top: %v, %d bytes left", err, len(rest))
	}
	if diff := cmp.Diff([]Item{{"b", 3, 0}, {"a", 1, 0}}, top.Items(42, 9)); diff != "" {
		t.Errorf("top (-want +got):\n%s", diff)
	}
}

func TestDamagedIsRefused(t *testing.T) {
	listed, large := filled(4, true, 5).AppendBinary(nil), filled(4, false, 50).AppendBinary(nil)
	top := NewTop(4)
	top.Add(1, "a", 1)
	top.Add(1, "b", 1)
	written := top.AppendBinary(nil)
	change := func(b []byte, at int, to byte) []byte {
		b = slices.Clone(b)
		b[at] = to
		return b
	}
	window := func(b []byte) error { _, _, err := ReadWindow(b); return err }
	values := func(b []byte) error { _, _, err := ReadTop(b); return err }
	tests := []struct {
		name string
		read func([]byte) error
		b    []byte
		want string
	}{
		{"nothing", window, nil, "ends too soon"},
		{"another format", window, change(listed, 0, 9), "version 9, not 1"},
		{"hashes of another version", window, change(listed, 1, 2), "version 2, not 1"},
		{"a precision too low", window, change(listed, 2, 3), "damaged"},
		{"a precision too high", window, change(listed, 2, 19), "damaged"},
		{"an unknown flag", window, change(listed, 3, 15), "damaged"},
		{"a list in a window that has none", window, change(listed, 3, isListing|hasBegun), "damaged"},
		{"more hashes than are listed", window, change(listed, 6, 100), "damaged"},
		{"a hash of no part", window, change(listed, 7, listed[7]&^inParts), "damaged"},
		{"too many parts", window, change(large, 5, 0xff), "damaged"},
		{"no part", window, change(large, 5, 0), "damaged"},
		{"a sketch of another precision", window, change(large, 11, 5), "damaged"},
		{"a sketch that is a list", window, change(large, 13, 1), "damaged"},
		{"a register that cannot be", window, change(large, 20, 200), "invalid binary data"},
		{"a sketch longer than what follows", window, change(large, 8, 200), "ends too soon"},
		{"no top", values, nil, "ends too soon"},
		{"another format of tops", values, change(written, 0, 2), "version 2, not 1"},
		{"no size", values, change(written, 2, 0), "damaged"},
		{"more values than its size", values, change(written, 5, 5), "damaged"},
		{"a value twice", values, change(written, len(written)-3, 'a'), "damaged"},
		{"no count", values, change(written, 6, 0), "damaged"},
		{"more than the count", values, change(written, 7, 2), "damaged"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if err := tt.read(tt.b); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
		})
	}
	for what, b := range map[string][]byte{"listed": listed, "large": large} {
		for n := range b {
			if window(b[:n]) == nil {
				t.Errorf("%s: %d of %d bytes are accepted", what, n, len(b))
			}
		}
	}
	for n := range written {
		if values(written[:n]) == nil {
			t.Errorf("top: %d of %d bytes are accepted", n, len(written))
		}
	}
}

// FuzzReadWindow holds that nothing makes ReadWindow panic or take much memory,
// and that what it accepts can be used and reads as written.
func FuzzReadWindow(f *testing.F) {
	for _, k := range []struct {
		sparse bool
		series int
	}{{true, 0}, {true, 5}, {true, 100}, {false, 50}} {
		f.Add(filled(4, k.sparse, k.series).AppendBinary(nil))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		w, rest, err := ReadWindow(data)
		if err != nil {
			return
		}
		if read := len(data) - len(rest); w.Bytes() > 4*read+1024 {
			t.Fatalf("%d bytes became %d", read, w.Bytes())
		}
		again, _, err := ReadWindow(w.AppendBinary(nil))
		if err != nil {
			t.Fatal(err)
		}
		for part := w.newest - 1; part <= w.newest+1 && part >= w.newest-1; part++ {
			if again.Estimate(part) != w.Estimate(part) {
				t.Fatalf("part %d: %d, written and read %d", part, w.Estimate(part), again.Estimate(part))
			}
		}
		other := NewWindow(w.Precision(), true)
		other.Insert(w.newest, 1<<60)
		if err := other.Merge(w); err != nil {
			t.Fatal(err)
		}
		for i, h := range hashes(1, 64) {
			w.Insert(w.newest+int64(i%2), h)
			other.Insert(w.newest-1, h)
		}
	})
}

// FuzzReadTop holds the same of ReadTop.
func FuzzReadTop(f *testing.F) {
	for _, values := range []int{0, 3, 40} {
		top := NewTop(8)
		for v := range values {
			top.Add(int64(v/25), strings.Repeat("v", v), uint32(v))
		}
		f.Add(top.AppendBinary(nil))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		top, rest, err := ReadTop(data)
		if err != nil {
			return
		}
		if read := len(data) - len(rest); top.Bytes() > 64*read+1024 {
			t.Fatalf("%d bytes became %d", read, top.Bytes())
		}
		again, _, err := ReadTop(top.AppendBinary(nil))
		if err != nil {
			t.Fatal(err)
		}
		items := top.Items(top.newest, 100)
		if diff := cmp.Diff(items, again.Items(top.newest, 100)); diff != "" {
			t.Fatalf("written and read (-want +got):\n%s", diff)
		}
		for _, it := range items {
			if it.Error > it.Count {
				t.Fatalf("%+v", it)
			}
		}
		other := NewTop(4)
		other.Add(top.newest, "v", 3)
		other.Merge(top)
		for v := range 40 {
			top.Add(top.newest, strings.Repeat("v", v), 1)
		}
	})
}
