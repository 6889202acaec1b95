package usage

import (
	"errors"
	"fmt"
	"hash/maphash"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// maxFile is the largest file that is read, in bytes.
const maxFile = 32 << 20

// A source is one list of files and how they are read.
type source struct {
	key        string // in the configuration file
	patterns   []string
	kind       Kind
	extensions []string // of the files that are read in a directory
	read       func(name string, data []byte) ([]*Query, []Problem)
}

func (c Config) sources() []source {
	return []source{
		{"usage.rule_files", c.RuleFiles, Alert, []string{".yml", ".yaml"}, ReadRuleFile},
		{"usage.dashboards", c.Dashboards, Dashboard, []string{".json"}, ReadDashboard},
	}
}

// Load reads the files that c names. Relative patterns start at baseDir. What
// cannot be read is a problem, and may break by any rule.
func Load(c Config, baseDir string) *Index {
	stamp := Stamp(c, baseDir)
	var queries []*Query
	var problems []Problem
	for _, s := range c.sources() {
		found, missing := s.find(baseDir)
		for _, p := range missing {
			problems = append(problems, p)
			queries = append(queries, &Query{Kind: s.kind, Name: p.File, File: p.File, Trouble: p.Text})
		}
		for _, f := range found {
			data, err := readFile(f.path)
			if err != nil {
				trouble := fmt.Sprintf("the file could not be read: %v", err)
				problems = append(problems, Problem{File: f.name, Text: trouble + "; mend it or change " + s.key})
				queries = append(queries, &Query{Kind: s.kind, Name: f.name, File: f.name, Trouble: trouble})
				continue
			}
			qs, ps := s.read(f.name, data)
			queries, problems = append(queries, qs...), append(problems, ps...)
		}
	}
	ix := NewIndex(queries, problems)
	ix.stamp = stamp
	return ix
}

func readFile(path string) ([]byte, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, pathless(err)
	case !info.Mode().IsRegular():
		return nil, errors.New("it is no regular file")
	case info.Size() > maxFile:
		return nil, fmt.Errorf("it has %d bytes, more than %d", info.Size(), maxFile)
	}
	data, err := os.ReadFile(path)
	return data, pathless(err)
}

// Stamp returns a number that changes, within this process, when a file that c
// names does, one is added or one goes. It reads no file, so that it may be asked
// for every few seconds.
func Stamp(c Config, baseDir string) uint64 {
	var h maphash.Hash
	h.SetSeed(stampSeed)
	for _, s := range c.sources() {
		found, missing := s.find(baseDir)
		for _, p := range missing {
			fmt.Fprintf(&h, "%q\n", p.Text)
		}
		for _, f := range found {
			fmt.Fprintf(&h, "%q", f.path)
			if info, err := os.Stat(f.path); err == nil {
				fmt.Fprintf(&h, " %d %d", info.Size(), info.ModTime().UnixNano())
			}
			h.WriteByte('\n')
		}
	}
	return h.Sum64()
}

var stampSeed = maphash.MakeSeed()

// A foundFile is where a file is and what people call it.
type foundFile struct{ path, name string }

// globMeta escapes what Glob would take for a pattern.
var globMeta = strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`)

// find returns the files of a source, each once, in the order of the patterns,
// and of one, by name.
func (s *source) find(baseDir string) (files []foundFile, ps []Problem) {
	seen := map[string]bool{}
	add := func(path string) {
		if seen[path] {
			return
		}
		seen[path] = true
		name := path
		if rel, err := filepath.Rel(baseDir, path); err == nil && !strings.HasPrefix(rel, "..") {
			name = rel
		}
		files = append(files, foundFile{path, name})
	}
	for _, pattern := range s.patterns {
		full := pattern
		if !filepath.IsAbs(pattern) {
			full = filepath.Join(globMeta.Replace(baseDir), pattern)
		}
		paths, err := filepath.Glob(full)
		switch {
		case err != nil:
			ps = append(ps, Problem{File: pattern, Text: "is no file pattern; close its [ or escape it as \\["})
		case len(paths) == 0 && !strings.ContainsAny(pattern, `*?[`):
			ps = append(ps, Problem{File: pattern, Text: "there is no such file or directory; create it or remove it from " + s.key})
		}
		slices.Sort(paths)
		for _, path := range paths {
			if info, err := os.Stat(path); err != nil || !info.IsDir() {
				add(path)
				continue
			}
			err := filepath.WalkDir(path, func(path string, entry fs.DirEntry, err error) error {
				switch {
				case err != nil:
					return err
				case entry.IsDir() && strings.HasPrefix(entry.Name(), ".") && len(entry.Name()) > 1:
					return fs.SkipDir // such as .git
				case !entry.IsDir() && slices.Contains(s.extensions, filepath.Ext(path)):
					add(path)
				}
				return nil
			})
			if err != nil {
				ps = append(ps, Problem{File: pattern, Text: fmt.Sprintf("cannot be read: %v; mend it or change %s", pathless(err), s.key)})
			}
		}
	}
	return files, ps
}

// pathless returns err without the path that a Problem names already.
func pathless(err error) error {
	if pe, ok := errors.AsType[*fs.PathError](err); ok {
		return pe.Err
	}
	return err
}
