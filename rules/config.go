package rules

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Config is the rules section of the configuration file.
type Config struct {
	Files []string `yaml:"files"` // glob patterns; their order is precedence
}

// DefaultConfig is what an absent section means: no rules from files.
func DefaultConfig() Config { return Config{} }

// globMeta escapes what Glob would take for a pattern.
var globMeta = strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`)

// LoadFiles reads the rules of all files that patterns name, in the order of the
// patterns and, within one, of the files' names; a file is read once. Relative
// patterns start at baseDir. A pattern with wildcards may name nothing, any other
// must name a file. Where there is a problem, there are no rules.
func LoadFiles(patterns []string, baseDir string) ([]*Rule, []Problem) {
	var rs []*Rule
	var ps []Problem
	seen := map[string]bool{}
	for _, pattern := range patterns {
		files, problem := expand(pattern, baseDir)
		if problem != nil {
			ps = append(ps, *problem)
		}
		for _, f := range files {
			if seen[f.path] {
				continue
			}
			seen[f.path] = true
			data, err := os.ReadFile(f.path)
			if err != nil {
				ps = append(ps, Problem{File: f.name, Text: fmt.Sprintf("cannot be read: %v; mend it or change rules.files", pathless(err))})
				continue
			}
			fileRules, fileProblems := ParseFile(f.name, data)
			rs, ps = append(rs, fileRules...), append(ps, fileProblems...)
		}
	}
	ps = append(ps, repeated(rs)...)
	if len(ps) > 0 {
		return nil, ps
	}
	return rs, nil
}

// A ruleFile is where a file is and how its pattern called it.
type ruleFile struct{ path, name string }

// expand returns the files that pattern names, sorted.
func expand(pattern, baseDir string) ([]ruleFile, *Problem) {
	full := pattern
	if !filepath.IsAbs(pattern) {
		full = filepath.Join(globMeta.Replace(baseDir), pattern)
	}
	paths, err := filepath.Glob(full)
	switch {
	case err != nil:
		return nil, &Problem{File: pattern, Text: "is no file pattern; close its [ or escape it as \\["}
	case len(paths) == 0 && !strings.ContainsAny(pattern, `*?[`):
		return nil, &Problem{File: pattern, Text: "there is no such file; create it or remove it from rules.files"}
	}
	slices.Sort(paths)
	files := make([]ruleFile, len(paths))
	for i, p := range paths {
		files[i] = ruleFile{p, p}
		if filepath.IsAbs(pattern) {
			continue
		}
		if rel, err := filepath.Rel(baseDir, p); err == nil {
			files[i].name = rel
		}
	}
	return files, nil
}

// pathless returns err without the path that a Problem names already.
func pathless(err error) error {
	if pe, ok := errors.AsType[*os.PathError](err); ok {
		return pe.Err
	}
	return err
}
