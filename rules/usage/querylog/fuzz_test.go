package querylog

import (
	"bytes"
	"testing"
	"time"
)

// Lines come out the same, however they are cut into chunks.
func FuzzLines(f *testing.F) {
	f.Add([]byte(logged("up", noon)+"\n\n"+logged(`{__name__=~"a.*"}`, noon)+"half"), 7)
	f.Add([]byte("{\"params\":{\"query\":\"\\u0000\\ud800\"},\"ts\":\"2026-01-01T00:00:00Z\"}\n"), 1)
	f.Add(append(bytes.Repeat([]byte("x"), maxLine+1), "\nup\n"...), 1000)
	f.Fuzz(func(t *testing.T, data []byte, size int) {
		var want, got [][]byte
		parts := bytes.Split(data, []byte("\n"))
		for _, line := range parts[:len(parts)-1] {
			if len(line) <= maxLine {
				want = append(want, line)
			}
		}
		var s splitter
		size = max(size%len(append(data, 0)), 1)
		for rest := data; len(rest) > 0; {
			n := min(size, len(rest))
			s.add(rest[:n], func(line []byte) { got = append(got, bytes.Clone(line)) })
			rest = rest[n:]
		}
		if !bytes.Equal(bytes.Join(want, []byte("\n")), bytes.Join(got, []byte("\n"))) || len(want) != len(got) {
			t.Fatalf("%d lines, want %d", len(got), len(want))
		}
		if len(s.rest) > maxLine {
			t.Fatalf("%d bytes wait", len(s.rest))
		}
		var e Evidence
		tail := NewTail(&e, discard)
		for _, line := range got {
			tail.line(line)
		}
		e.Note(string(data), noon, 1, Source{})
		e.Forget(time.Now())
		if e.bytes < 0 || e.bytes > maxBytes {
			t.Fatalf("%d bytes", e.bytes)
		}
		var saved bytes.Buffer
		if err := e.Save(&saved, tail); err != nil {
			t.Fatal(err)
		}
		if err := new(Evidence).Load(&saved, NewTail(&e, discard)); err != nil {
			t.Fatal(err)
		}
	})
}
