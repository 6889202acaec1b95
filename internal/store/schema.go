package store

import (
	"bytes"
	"embed"
	"io/fs"
	"strings"
)

// migrations are the schema, one step a file. A step that was released is never
// changed. There is no way down: a newer schema is left by putting back the
// backup that was made before it.
//
//go:embed migrations/*.sql
var migrations embed.FS

// clustered stands where the definition of a table ends whose rows are to lie in
// the order of its key, for databases that can have it so.
const clustered = "/* clustered */"

// A schema is the migrations as a database takes them.
type schema struct {
	fs.FS
	clustered string // what makes a table clustered
}

// Open implements [fs.FS].
func (s schema) Open(name string) (fs.File, error) {
	f, err := s.FS.Open(name)
	if err != nil || !strings.HasSuffix(name, ".sql") {
		return f, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	text, err := fs.ReadFile(s.FS, name)
	if err != nil {
		return nil, err
	}
	return &migration{bytes.NewReader(bytes.ReplaceAll(text, []byte(clustered), []byte(s.clustered))), info}, nil
}

// A migration is an open file of a schema.
type migration struct {
	*bytes.Reader
	info fs.FileInfo
}

// Stat implements [fs.File].
func (m *migration) Stat() (fs.FileInfo, error) { return m.info, nil }

// Close implements [fs.File].
func (m *migration) Close() error { return nil }
