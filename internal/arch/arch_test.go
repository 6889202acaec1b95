package arch

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// root is the top of the checkout.
const root = "../.."

func TestHouse(t *testing.T) {
	problems, err := Check(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Error(p)
	}
}

func TestArchitectureShowsTheHouse(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(root, "docs", "ARCHITECTURE.md"))
	if err != nil {
		t.Fatal(err)
	}
	var indented strings.Builder
	for line := range strings.Lines(strings.Trim(House, "\n")) {
		if strings.TrimSpace(line) != "" {
			indented.WriteString("    ")
		}
		indented.WriteString(line)
	}
	if !strings.Contains(string(page), indented.String()) {
		t.Errorf("docs/ARCHITECTURE.md does not hold the table of policy.go:\n\n%s", indented.String())
	}
}

func TestEnginesDoNotKnowEachOther(t *testing.T) {
	p, err := parsePolicy(House)
	if err != nil {
		t.Fatal(err)
	}
	engines := []string{"profiler", "rules", "limiter", "attribution"}
	for _, from := range engines {
		for _, to := range engines {
			if from != to && p.allows(from, to) {
				t.Errorf("%s may import %s", from, to)
			}
		}
	}
}

func TestImportsPointDown(t *testing.T) {
	p, err := parsePolicy(House)
	if err != nil {
		t.Fatal(err)
	}
	var visit func(line string, above []string)
	visit = func(line string, above []string) {
		if slices.Contains(above, line) {
			t.Fatalf("the House goes round in a circle: %v", append(above, line))
		}
		for _, below := range p[line] {
			if below != "*" {
				visit(below, append(slices.Clone(above), line))
			}
		}
	}
	for line := range p {
		visit(line, nil)
	}
}

func TestPolicyText(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"a package has one line", "a\na", "a has two lines"},
		{"what may be imported has a line", "a b", "a may import b, which has no line"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := parsePolicy(tt.text)
			if err == nil || err.Error() != tt.want {
				t.Errorf("parsePolicy(%q) = %v, want %q", tt.text, err, tt.want)
			}
		})
	}
}

// TestCheckFindsWhatIsForbidden builds small checkouts with one breach each.
func TestCheckFindsWhatIsForbidden(t *testing.T) {
	const ours = "github.com/headgate/headgate/"
	long := "// Package rules decides.\npackage rules\n" + strings.Repeat("\n", maxLines)

	tests := []struct {
		name  string
		files map[string]string
		want  []string
	}{
		{
			"nothing in a house in order",
			map[string]string{
				"rules/rule.go":      "// Package rules decides.\npackage rules\nimport _ \"" + ours + "internal/series\"",
				"rules/rule_test.go": "package rules_test\nimport _ \"" + ours + "rules\"",
				"cmd/headgate/x.go":  "// Headgate runs.\npackage main\nimport (_ \"" + ours + "rules\"; _ \"log/slog\")",
			},
			nil,
		},
		{
			"an engine that imports another",
			map[string]string{"rules/rule.go": "// Package rules decides.\npackage rules\nimport _ \"" + ours + "limiter\""},
			[]string{"rules/rule.go:3: rules may not import limiter"},
		},
		{
			"an import that points up, from a test in a package below",
			map[string]string{"limiter/bucket/bucket_test.go": "// Package bucket counts.\npackage bucket\nimport _ \"" + ours + "gateway\""},
			[]string{"limiter/bucket/bucket_test.go:3: limiter may not import gateway"},
		},
		{
			"a breach in a nested module",
			map[string]string{
				"bench/prom/go.mod": "module " + ours + "bench/prom",
				"bench/prom/x.go":   "// Package prom tests.\npackage prom\nimport _ \"" + ours + "ui\"",
			},
			[]string{"bench/prom/x.go:3: bench/prom may not import ui"},
		},
		{
			"a package without a line, and whoever imports it",
			map[string]string{
				"internal/cache/x.go": "// Package cache remembers.\npackage cache",
				"cmd/headgate/x.go":   "// Headgate runs.\npackage main\nimport _ \"" + ours + "internal/cache\"",
			},
			[]string{
				"cmd/headgate/x.go:3: imports github.com/headgate/headgate/internal/cache, which has no line in the House",
				"internal/cache/x.go: package internal/cache has no line in the House",
			},
		},
		{
			"unsafe anywhere but in its one file",
			map[string]string{
				"internal/remotewrite/view.go": "// Package remotewrite reads.\npackage remotewrite\nimport _ \"unsafe\"",
				"internal/remotewrite/walk.go": "package remotewrite\nimport _ \"unsafe\"",
			},
			[]string{"internal/remotewrite/walk.go:2: imports unsafe; only internal/remotewrite/view.go may"},
		},
		{
			"libraries that have a replacement",
			map[string]string{"rules/x.go": "// Package rules decides.\npackage rules\nimport (\n_ \"log\"\n_ \"github.com/stretchr/testify/require\"\n)"},
			[]string{
				"rules/x.go:4: imports log; use log/slog",
				"rules/x.go:5: imports github.com/stretchr/testify/require; use testing and github.com/google/go-cmp/cmp",
			},
		},
		{
			"a package comment that is missing, or in an external test only",
			map[string]string{
				"rules/x.go":        "package rules",
				"rules/x_test.go":   "// Package rules_test tests.\npackage rules_test",
				"gateway/x_test.go": "package gateway_test",
			},
			[]string{"gateway: package gateway has no package comment", "rules: package rules has no package comment"},
		},
		{
			"names that say nothing",
			map[string]string{
				"rules/util/x.go":       "// Package util helps.\npackage util",
				"rules/parseutils/x.go": "// Package parse parses.\npackage parse",
			},
			[]string{
				"rules/parseutils: package parse: the name says nothing of what is inside",
				"rules/util: package util: the name says nothing of what is inside",
			},
		},
		{
			"a long file, unless it is generated",
			map[string]string{
				"rules/long.go":      long,
				"rules/generated.go": "// Code generated by hand. DO NOT EDIT.\n\n" + long,
			},
			[]string{"rules/long.go: 602 lines; a file is one noun and has at most 600"},
		},
		{
			"nothing in hidden directories and test data",
			map[string]string{
				".cache/x.go":         "package util\nimport _ \"unsafe\"",
				"rules/testdata/x.go": "package broken {",
			},
			nil,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			for name, content := range tt.files {
				file := filepath.Join(dir, filepath.FromSlash(name))
				if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			problems, err := Check(dir)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, p := range problems {
				got = append(got, p.String())
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestCheckReportsWhatItCannotParse(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "x.go"), []byte("pakage x"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Check(dir); err == nil {
		t.Error("Check accepted a file that is no Go")
	}
}
