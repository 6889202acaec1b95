package rules

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// writeFiles writes files below a new directory, whose name is a pattern itself.
func writeFiles(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "a[b]*")
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func fileOf(name string) string {
	return "rules:\n  - {name: " + name + ", match: up, action: drop}\n"
}

func TestLoadFiles(t *testing.T) {
	dir := writeFiles(t, map[string]string{
		"first.yml": fileOf("first"), "rules/b.yml": fileOf("b"), "rules/a.yml": fileOf("a"),
		"rules/note.txt": "no rules", "last.yml": fileOf("last"),
	})
	tests := []struct {
		name     string
		patterns []string
		want     string
	}{
		{"patterns in their order, files in theirs", []string{"last.yml", "rules/*.yml", "first.yml"}, "last@last.yml a@rules/a.yml b@rules/b.yml first@first.yml"},
		{"a file is read once", []string{"rules/b.yml", "rules/*.yml"}, "b@rules/b.yml a@rules/a.yml"},
		{"a wildcard may match nothing", []string{"none/*.yml"}, ""},
		{"no patterns", nil, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			rs, problems := LoadFiles(tt.patterns, dir)
			wantProblems(t, problems, nil)
			var got []string
			for _, r := range rs {
				got = append(got, r.Name+"@"+r.File)
			}
			if strings.Join(got, " ") != tt.want {
				t.Errorf("rules %q, want %q", got, tt.want)
			}
		})
	}

	absolute := filepath.Join(globMeta.Replace(dir), "first.yml")
	rs, problems := LoadFiles([]string{absolute}, "elsewhere")
	wantProblems(t, problems, nil)
	if len(rs) != 1 || rs[0].File != filepath.Join(dir, "first.yml") {
		t.Errorf("an absolute pattern found %v", rs)
	}
}

func TestLoadFilesProblems(t *testing.T) {
	dir := writeFiles(t, map[string]string{
		"a.yml": fileOf("a"), "b.yml": fileOf("a"), "c.yml": "rules: 5\n", "d/e.yml": "",
	})
	tests := []struct {
		name     string
		patterns []string
		want     []string
	}{
		{"a file that is not there", []string{"x.yml"}, []string{"x.yml: there is no such file; create it or remove it from rules.files"}},
		{"a pattern that is none", []string{"[.yml"}, []string{`[.yml: is no file pattern; close its [ or escape it as \[`}},
		{"a directory", []string{"d"}, []string{"d: cannot be read: is a directory; mend it or change rules.files"}},
		{"a name in two files", []string{"a.yml", "b.yml"}, []string{"b.yml:2: name: the rule a is there already, at a.yml:2; rename one of them"}},
		{"every file's problems", []string{"c.yml", "x.yml"}, []string{
			"c.yml:1:8: rules is a list; this is a number",
			"x.yml: there is no such file; create it or remove it from rules.files",
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			rs, problems := LoadFiles(tt.patterns, dir)
			wantProblems(t, problems, tt.want)
			if rs != nil {
				t.Errorf("there are rules in spite of problems: %v", rs)
			}
		})
	}
}
