package attribution

import (
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"slices"
	"strings"
)

// csv reads a table whose first row names its columns: one is the join's field,
// another team (or owner). Other columns are of no matter. Commas or semicolons
// separate.
func (b *catalogBuilder) csv(f CatalogFile) {
	data := bytes.TrimPrefix(f.Data, []byte("\ufeff")) // Excel's
	r := csv.NewReader(bytes.NewReader(data))
	if first, _, _ := bytes.Cut(data, []byte("\n")); bytes.Contains(first, []byte(";")) && !bytes.Contains(first, []byte(",")) {
		r.Comma = ';'
	}
	r.TrimLeadingSpace = true
	header, err := r.Read()
	switch {
	case errors.Is(err, io.EOF):
		b.problems.report(f.Name, 1, "the file is empty; write the names of its columns into the first row")
		return
	case err != nil:
		b.csvError(f, err)
		return
	}
	for i := range header {
		header[i] = strings.TrimSpace(header[i])
	}
	join := b.catalog.config.Join.Field
	name, team := slices.Index(header, join), slices.Index(header, "team")
	if team < 0 {
		team = slices.Index(header, "owner")
	}
	if name < 0 || team < 0 {
		if name < 0 {
			b.problems.report(f.Name, 1, "no column is called %.64q; name it in the first row, or another one in join.field", join)
		}
		if team < 0 {
			b.problems.report(f.Name, 1, "no column is called team or owner; name it in the first row")
		}
		return
	}
	for {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			b.csvError(f, err)
			continue
		}
		line, _ := r.FieldPos(0)
		e := CatalogEntry{Team: strings.TrimSpace(row[team]), Owner: strings.TrimSpace(row[team]), File: f.Name, Line: line}
		value := strings.TrimSpace(row[name])
		e.Entity = join + " " + value
		switch {
		case value == "":
			b.problems.report(f.Name, line, "the row has no %.64s; write one or remove the row", join)
		case e.Team == "":
			b.problems.report(f.Name, line, "%.128s has no team; write one or remove the row", e.Entity)
		default:
			b.add(e, []string{value})
		}
	}
}

func (b *catalogBuilder) csvError(f CatalogFile, err error) {
	line := 1
	if pe, ok := errors.AsType[*csv.ParseError](err); ok {
		line, err = pe.StartLine, pe.Err
	}
	b.problems.report(f.Name, line, "the row cannot be read: %v; mend it", err)
}
