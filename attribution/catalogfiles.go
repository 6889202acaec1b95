package attribution

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

// maxCatalogFile is the largest file that is read: an export of tens of thousands
// of entities.
const maxCatalogFile = 64 << 20

// catalogFiles are what is read in a directory, at any depth.
var catalogFiles = map[string]func(name string) bool{
	Backstage: func(name string) bool { return name == "catalog-info.yaml" || name == "catalog-info.yml" },
	OpsLevel:  func(name string) bool { return name == "opslevel.yml" },
	CSV:       func(name string) bool { return filepath.Ext(name) == ".csv" },
}

// LoadCatalogs reads the catalogs that cs describe, in their order. Relative
// patterns start at baseDir. Of a directory, all files are read that are called
// as their catalog calls them. What cannot be read is reported and left out.
func LoadCatalogs(cs []CatalogConfig, baseDir string) ([]*Catalog, []Problem) {
	var catalogs []*Catalog
	var all []Problem
	for _, c := range cs {
		found, ps := findCatalogFiles(c, baseDir)
		var files []CatalogFile
		for _, f := range found {
			data, err := readFile(f.path)
			if err != nil {
				ps = append(ps, Problem{File: f.name, Text: fmt.Sprintf("cannot be read: %v; mend it or change attribution.catalogs", err)})
				continue
			}
			files = append(files, CatalogFile{f.name, data})
		}
		catalog, more := ReadCatalog(c, files)
		catalogs = append(catalogs, catalog)
		all = append(append(all, ps...), more...)
	}
	return catalogs, all
}

func readFile(path string) ([]byte, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, pathless(err)
	case info.Size() > maxCatalogFile:
		return nil, fmt.Errorf("it has %d bytes, more than %d", info.Size(), maxCatalogFile)
	}
	data, err := os.ReadFile(path)
	return data, pathless(err)
}

// CatalogStamp returns a number that changes, within this process, when a file of
// the catalogs does, one is added or one goes. It reads no file, so that it may be
// asked for every few seconds.
func CatalogStamp(cs []CatalogConfig, baseDir string) uint64 {
	var h maphash.Hash
	h.SetSeed(stampSeed)
	for _, c := range cs {
		found, _ := findCatalogFiles(c, baseDir)
		for _, f := range found {
			if info, err := os.Stat(f.path); err == nil {
				fmt.Fprintf(&h, "%q %d %d\n", f.path, info.Size(), info.ModTime().UnixNano())
			}
		}
	}
	return h.Sum64()
}

var stampSeed = maphash.MakeSeed()

// A foundFile is where a file is and how its pattern called it.
type foundFile struct{ path, name string }

// globMeta escapes what Glob would take for a pattern.
var globMeta = strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`)

// findCatalogFiles returns the files of one catalog, each once: in the order of
// the patterns, and of one, by name.
func findCatalogFiles(c CatalogConfig, baseDir string) (files []foundFile, ps []Problem) {
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
	for _, pattern := range c.Files {
		full := pattern
		if !filepath.IsAbs(pattern) {
			full = filepath.Join(globMeta.Replace(baseDir), pattern)
		}
		paths, err := filepath.Glob(full)
		switch {
		case err != nil:
			ps = append(ps, Problem{File: pattern, Text: "is no file pattern; close its [ or escape it as \\["})
		case len(paths) == 0 && !strings.ContainsAny(pattern, `*?[`):
			ps = append(ps, Problem{File: pattern, Text: "there is no such file or directory; create it or remove it from attribution.catalogs"})
		}
		slices.Sort(paths)
		for _, path := range paths {
			if info, err := os.Stat(path); err != nil || !info.IsDir() {
				add(path)
				continue
			}
			err := filepath.WalkDir(path, func(path string, entry fs.DirEntry, err error) error {
				if err != nil {
					return err
				}
				if entry.IsDir() && strings.HasPrefix(entry.Name(), ".") && len(entry.Name()) > 1 {
					return fs.SkipDir // such as .git
				}
				if takes := catalogFiles[c.Type]; !entry.IsDir() && takes != nil && takes(entry.Name()) {
					add(path)
				}
				return nil
			})
			if err != nil {
				ps = append(ps, Problem{File: pattern, Text: fmt.Sprintf("cannot be read: %v; mend it or change attribution.catalogs", err)})
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
