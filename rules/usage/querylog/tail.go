package querylog

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"time"
)

const (
	maxFiles   = 50
	headBytes  = 256      // by which a file is known again after a restart
	firstBytes = 64 << 20 // of a file that is new, its end is read
	chunkBytes = 64 << 10
)

// A Tail reads query logs as they are written. It belongs to one goroutine.
type Tail struct {
	to       *Evidence
	log      *slog.Logger
	patterns []string
	dir      string
	files    []*logFile
	places   []Place // of the process before
	troubles map[string]bool
	skipped  uint64 // lines that hold no query
}

// A Place says how far a file was read.
type Place struct {
	Head   string `json:"head"`       // hash of how the file begins
	Bytes  int    `json:"head_bytes"` // that Head is of
	Offset int64  `json:"offset"`
}

// A logFile is one that is read.
type logFile struct {
	file   *os.File
	info   os.FileInfo
	offset int64 // of what was read
	lines  splitter
	seen   bool // a pattern names it
}

// NewTail returns a Tail that notes queries in to.
func NewTail(to *Evidence, log *slog.Logger) *Tail {
	return &Tail{to: to, log: log, troubles: map[string]bool{}}
}

// Reload makes the files that the patterns name, from dir on, those that are read.
func (t *Tail) Reload(patterns []string, dir string) { t.patterns, t.dir = patterns, dir }

// Close closes the files.
func (t *Tail) Close() {
	for _, f := range t.files {
		_ = f.file.Close()
	}
	t.files = nil
}

// Look reads what was written since. A file that was renamed is read to its end;
// one that became shorter is read from its beginning.
func (t *Tail) Look(ctx context.Context) {
	for _, f := range t.files {
		f.seen = false
	}
	for _, path := range t.paths() {
		t.find(path)
	}
	for _, f := range t.files {
		t.read(ctx, f)
	}
	t.files = slices.DeleteFunc(t.files, func(f *logFile) bool {
		if !f.seen {
			_ = f.file.Close()
		}
		return !f.seen
	})
}

func (t *Tail) paths() (paths []string) {
	for _, p := range t.patterns {
		full := p
		if !filepath.IsAbs(p) {
			full = filepath.Join(t.dir, p)
		}
		found, err := filepath.Glob(full)
		if err == nil && len(found) == 0 {
			err = errors.New("there is no such file; name Prometheus' query_log_file")
		}
		t.trouble(p, err)
		paths = append(paths, found...)
	}
	slices.Sort(paths)
	return slices.Compact(paths)
}

// trouble logs an error of a file, once until it is over.
func (t *Tail) trouble(name string, err error) {
	if err == nil {
		delete(t.troubles, name)
	} else if !t.troubles[name] {
		t.troubles[name] = true
		t.log.Warn("a query log is not read", slog.String("file", name), slog.Any("err", err))
	}
}

// find begins to read the file at path, if it is not read.
func (t *Tail) find(path string) {
	info, err := os.Stat(path)
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New("it is no regular file")
	}
	if err != nil {
		t.trouble(path, err)
		return
	}
	for _, f := range t.files {
		if os.SameFile(f.info, info) {
			f.seen = true
			return
		}
	}
	if len(t.files) >= maxFiles {
		t.trouble(path, fmt.Errorf("there are more than %d; name fewer in usage.query_log", maxFiles))
		return
	}
	file, err := os.Open(path)
	if t.trouble(path, err); err != nil {
		return
	}
	f := &logFile{file: file, info: info, seen: true}
	f.offset, f.lines.long = t.begin(file, info.Size())
	t.files = append(t.files, f)
}

// begin returns where a file is read from: where the process before ended, or near
// its end; amid says that this may be within a line.
func (t *Tail) begin(file io.ReaderAt, size int64) (offset int64, amid bool) {
	for _, p := range t.places {
		if head, n := headOf(file, p.Bytes); n == p.Bytes && head == p.Head && 0 <= p.Offset && p.Offset <= size {
			return p.Offset, false
		}
	}
	offset = max(0, size-firstBytes)
	return offset, offset > 0
}

// headOf returns the hash of the first n bytes, and how many there are.
func headOf(file io.ReaderAt, n int) (hash string, read int) {
	head := make([]byte, min(max(n, 0), headBytes))
	read, _ = file.ReadAt(head, 0)
	sum := sha256.Sum256(head[:read])
	return hex.EncodeToString(sum[:]), read
}

func (t *Tail) read(ctx context.Context, f *logFile) {
	info, err := f.file.Stat()
	if err == nil && info.Size() < f.offset { // it was truncated
		f.offset, f.lines = 0, splitter{}
	}
	var buf [chunkBytes]byte
	for ctx.Err() == nil && err == nil {
		var n int
		n, err = f.file.ReadAt(buf[:], f.offset)
		f.lines.add(buf[:n], t.line)
		f.offset += int64(n)
	}
	if err != nil && !errors.Is(err, io.EOF) {
		t.trouble(f.file.Name(), err)
	}
}

// line notes the query of a line.
func (t *Tail) line(line []byte) {
	expr, at, from, ok := queryOf(line)
	if !ok {
		t.skipped++
		return
	}
	if now := time.Now(); at.After(now) {
		at = now
	}
	t.to.Watch(at)
	t.to.Note(expr, at, 1, from)
}

// Watched reports whether any file is read.
func (t *Tail) Watched() bool { return len(t.files) > 0 }

// Skipped returns how many lines held no query.
func (t *Tail) Skipped() uint64 { return t.skipped }

// Places says how far the files were read: up to the lines that have not ended.
func (t *Tail) Places() []Place {
	var ps []Place
	for _, f := range t.files {
		head, n := headOf(f.file, headBytes)
		if n > 0 && !f.lines.long {
			ps = append(ps, Place{head, n, f.offset - int64(len(f.lines.rest))})
		}
	}
	return ps
}
