// Package arch is the picture in docs/ARCHITECTURE.md as a test: who may import
// whom, and what every file and package owes its reader.
//
// It parses the files of the checkout itself. A test that asked "go list" would
// be answered from go test's cache after a forbidden import was added, because
// go test tracks only the files that a test opens.
package arch

import (
	"bytes"
	"cmp"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// A Problem is one breach of the House.
type Problem struct {
	Place string // file:line, or a package's directory
	Text  string
}

func (p Problem) String() string { return p.Place + ": " + p.Text }

// Check reads every Go file below root, those of nested modules too, and
// returns what breaches the House, sorted by place.
func Check(root string) ([]Problem, error) {
	p, err := parsePolicy(House)
	if err != nil {
		return nil, err
	}
	c := checker{root: root, policy: p, documented: map[unit]bool{}}
	if err := filepath.WalkDir(root, c.visit); err != nil {
		return nil, err
	}
	for u, documented := range c.documented {
		if !documented {
			c.report(u.dir, "package %s has no package comment", u.name)
		}
	}
	slices.SortFunc(c.problems, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Place, b.Place), cmp.Compare(a.Text, b.Text))
	})
	return c.problems, nil
}

// A unit is one package: its directory and its name.
type unit struct{ dir, name string }

type checker struct {
	root       string
	policy     policy
	documented map[unit]bool // packages seen, and whether one file has a package comment
	problems   []Problem
}

func (c *checker) report(place, format string, args ...any) {
	c.problems = append(c.problems, Problem{place, fmt.Sprintf(format, args...)})
}

func (c *checker) visit(name string, entry fs.DirEntry, err error) error {
	if err != nil {
		return err
	}
	if entry.IsDir() {
		hidden := strings.HasPrefix(entry.Name(), ".") || strings.HasPrefix(entry.Name(), "_")
		if name != c.root && (hidden || entry.Name() == "testdata") {
			return fs.SkipDir
		}
		return nil
	}
	if filepath.Ext(name) != ".go" {
		return nil
	}
	rel, err := filepath.Rel(c.root, name)
	if err != nil {
		return err
	}
	src, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	return c.file(filepath.ToSlash(rel), src)
}

// file checks the source of one file, named relative to the root with slashes.
func (c *checker) file(name string, src []byte) error {
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, name, src, parser.ImportsOnly|parser.ParseComments)
	if err != nil {
		return err
	}
	dir := path.Dir(name)
	if lines := bytes.Count(src, []byte("\n")); lines > maxLines && !ast.IsGenerated(f) {
		c.report(name, "%d lines; a file is one noun and has at most %d", lines, maxLines)
	}
	c.pkg(dir, f, strings.HasSuffix(name, "_test.go"))

	owner, ok := c.policy.owner(dir)
	if !ok {
		c.report(name, "package %s has no line in the House", dir)
		return nil
	}
	for _, spec := range f.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return err
		}
		pos := fset.Position(spec.Pos())
		c.imports(name, fmt.Sprintf("%s:%d", name, pos.Line), owner, imported)
	}
	return nil
}

// pkg checks what a package owes: a name that means something, and a comment.
// An external test package belongs to the package that it tests.
func (c *checker) pkg(dir string, f *ast.File, test bool) {
	u := unit{dir, f.Name.Name}
	if test {
		u.name = strings.TrimSuffix(u.name, "_test")
	}
	if _, seen := c.documented[u]; !seen {
		c.documented[u] = false
		if meansNothing(u.name) || meansNothing(path.Base(dir)) {
			c.report(dir, "package %s: the name says nothing of what is inside", u.name)
		}
	}
	if f.Doc != nil && strings.TrimSpace(f.Doc.Text()) != "" && (!test || f.Name.Name == u.name) {
		c.documented[u] = true
	}
}

// imports checks one import of the file name, which stands under owner's line.
func (c *checker) imports(name, place, owner, imported string) {
	if imported == "unsafe" && name != unsafeFile {
		c.report(place, "imports unsafe; only %s may", unsafeFile)
		return
	}
	for pattern, instead := range forbidden {
		above, deep := strings.CutSuffix(pattern, "/...")
		if imported == above || deep && within(imported, above) {
			c.report(place, "imports %s; use %s", imported, instead)
		}
	}
	if !within(imported, Module) {
		return
	}
	dir := strings.TrimPrefix(strings.TrimPrefix(imported, Module), "/")
	to, ok := c.policy.owner(dir)
	if !ok {
		c.report(place, "imports %s, which has no line in the House", imported)
		return
	}
	if !c.policy.allows(owner, to) {
		c.report(place, "%s may not import %s", owner, to)
	}
}

// within reports whether the import path p is prefix or stands below it.
func within(p, prefix string) bool {
	return p == prefix || strings.HasPrefix(p, prefix+"/")
}
