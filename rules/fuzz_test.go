package rules

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

// FuzzParseFile holds that no file makes ParseFile panic, that a file has rules
// or problems but not both, and that rules written and read again are the same.
func FuzzParseFile(f *testing.F) {
	files, _ := filepath.Glob("testdata/*.txtar")
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		for _, section := range txtar.Parse(data).Files {
			f.Add(section.Data)
		}
	}
	f.Add([]byte("rules:\n  - {name: a, match: \"up{a=\\\"\\u00fc\\\",b=}\", action: drop}\n"))
	f.Add([]byte("rules:\n  - name: a\n    match: |\n      up{\n      a=}\n    action: drop\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		rs, problems := ParseFile("f.yml", data)
		if len(problems) > 0 {
			if rs != nil {
				t.Fatalf("rules in spite of problems %v", problems)
			}
			for _, p := range problems {
				if p.Text == "" || p.Line < 0 || p.Col < 0 {
					t.Fatalf("problem %+v", p)
				}
			}
			return
		}
		written, err := FormatFile(rs)
		if err != nil {
			t.Fatal(err)
		}
		again, problems := ParseFile("f.yml", written)
		if len(problems) > 0 || len(again) != len(rs) {
			t.Fatalf("%d rules became %d, problems %v:\n%s", len(rs), len(again), problems, written)
		}
		for i := range rs {
			if !same(rs[i], again[i]) {
				t.Fatalf("%+v became %+v:\n%s", rs[i], again[i], written)
			}
		}
	})
}

// FuzzImportRelabel holds that no file makes ImportRelabel panic and that what it
// returns are good rules of different names.
func FuzzImportRelabel(f *testing.F) {
	f.Add([]byte(exampleRelabel))
	f.Add([]byte("- {source_labels: [a, b], regex: '^(a|b);[^;]+$', action: drop}\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		rs, _ := ImportRelabel("f.yml", data)
		written, err := FormatFile(rs)
		if err != nil {
			t.Fatal(err)
		}
		if again, problems := ParseFile("f.yml", written); len(problems) > 0 || len(again) != len(rs) {
			t.Fatalf("%d rules became %d, problems %v:\n%s", len(rs), len(again), problems, written)
		}
	})
}
