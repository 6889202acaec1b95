package main

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestLegible(t *testing.T) {
	for _, tt := range []struct{ name, in, want string }{
		{"plain text stays", "up_total 100 % ok", "up_total 100 % ok"},
		{"letters of any script stay", "温度 grün 😀", "温度 grün 😀"},
		{"controls are escaped", "a\x1b[2Jb\n\x7f\u009b", `a\x1b[2Jb\n\x7f\u009b`},
		{"what turns the direction of writing is escaped", "\u202egnp.exe", `\u202egnp.exe`},
		{"what is not seen is escaped", "a\u200bb\ufeff\u00a0", `a\u200bb\ufeff\u00a0`},
		{"what piles up on others is escaped", "z\u0334\u0301", `z\u0334\u0301`},
		{"what is no UTF-8 is escaped", "a\xff\x9bb\ufffd", `a\xff\x9bb` + "\ufffd"},
		{"an escape cannot be feigned", `\n`, `\\n`},
		{"quotes stay", `{a="b'c"}`, `{a="b'c"}`},
		{"a lone quote stays", `'`, `'`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := legible(tt.in); got != tt.want {
				t.Errorf("legible(%q) = %q, want %q", tt.in, got, tt.want)
			}
		})
	}
}

// Whatever a name is, its text holds nothing that a terminal would act on, and is
// as wide as it is to be.
func TestTextFitsTheTerminal(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := rapid.OneOf(rapid.String(), rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) })).Draw(t, "in")
		columns := rapid.IntRange(1, 30).Draw(t, "columns")
		text := legible(in)
		if !utf8.ValidString(text) || strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) || unicode.Is(unicode.M, r) }) {
			t.Fatalf("legible(%q) = %q", in, text)
		}
		short := shorten(text, columns)
		if widthOf(short) > columns {
			t.Fatalf("shorten(%q, %d) = %q, too wide", text, columns, short)
		}
		if widthOf(text) <= columns && short != text {
			t.Fatalf("shorten(%q, %d) = %q, want all of it", text, columns, short)
		}
		for _, line := range wrap(text, columns) {
			if widthOf(line) > columns {
				t.Fatalf("wrap(%q, %d) has the line %q", text, columns, line)
			}
		}
	})
}

func TestShorten(t *testing.T) {
	for _, tt := range []struct {
		in      string
		columns int
		want    string
	}{
		{"http_requests_total", 19, "http_requests_total"},
		{"http_requests_total", 9, "http…otal"},
		{"http_requests_total", 8, "http…tal"},
		{"http_requests_total", 1, "…"},
		{"http_requests_total", 0, ""},
		{"温度温度温度", 6, "温…度"}, // half a character does not exist
		{"温度温度温度", 9, "温度…温度"},
	} {
		if got := shorten(tt.in, tt.columns); got != tt.want {
			t.Errorf("shorten(%q, %d) = %q, want %q", tt.in, tt.columns, got, tt.want)
		}
	}
}

func TestSizeFromEnv(t *testing.T) {
	t.Setenv("COLUMNS", "132")
	t.Setenv("LINES", "none")
	if columns, rows := sizeFromEnv(); columns != 132 || rows != usualRows {
		t.Errorf("the size is %dx%d, want 132x%d", columns, rows, usualRows)
	}
}
