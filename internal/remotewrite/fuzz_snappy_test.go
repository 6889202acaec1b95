package remotewrite

import (
	"bytes"
	"errors"
	"testing"

	"github.com/golang/snappy"
)

// FuzzSnappy holds our use of snappy against the library's own.
func FuzzSnappy(f *testing.F) {
	f.Add(snappy.Encode(nil, marshal(f, requestV1())))
	f.Add(snappy.Encode(nil, make([]byte, 1<<16)))
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0x0f, 1, 2, 3})
	f.Add([]byte{})
	f.Add([]byte{0})
	f.Fuzz(func(t *testing.T, b []byte) {
		n, err := DecodedLen(b)
		if err == nil && n > maxExpansion*len(b) {
			t.Fatalf("DecodedLen: %d of %d bytes", n, len(b))
		}
		if n, err := snappy.DecodedLen(b); err == nil && n > 1<<26 {
			if _, err := Decompress(nil, b); err == nil {
				t.Fatal("Decompress accepts")
			}
			return // the library would allocate what is declared
		}
		want, wantErr := snappy.Decode(nil, b)
		got, gotErr := Decompress([]byte("old"), b)
		if (gotErr == nil) != (wantErr == nil) {
			t.Fatalf("Decompress: got %v, want %v", gotErr, wantErr)
		}
		if gotErr != nil && !errors.Is(gotErr, ErrSnappy) {
			t.Fatalf("Decompress: %v is not ErrSnappy", gotErr)
		}
		if gotErr == nil && (err != nil || n != len(want) || !bytes.Equal(got, want)) {
			t.Fatalf("Decompress: declared %d (%v), got %d bytes, want %d", n, err, len(got), len(want))
		}
		back, err := Decompress(nil, Compress(nil, b))
		if err != nil || !bytes.Equal(back, b) {
			t.Fatalf("Compress and back: %v, got %q, want %q", err, back, b)
		}
	})
}
