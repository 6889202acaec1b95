package ui

import (
	"bufio"
	"encoding/csv"
	"log/slog"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"
)

// unprocessable is the status of a page whose question has a mistake.
const unprocessable = http.StatusUnprocessableEntity

// A table is what a CSV file holds, row by row.
type table struct {
	name   string // of the file, without .csv
	header []string
	rows   func(yield func([]string) bool)
}

// file adds a route that answers with a CSV file, as a stream.
func (s *site) file(mux *http.ServeMux, path string, answer func(*request) (table, error)) {
	mux.HandleFunc("GET "+path, func(rw http.ResponseWriter, r *http.Request) {
		req := s.request(r)
		if req.actor.Role == "" {
			s.show(rw, req, (*request).nowhere) // who learns that alone
			return
		}
		t, err := answer(req)
		if err != nil {
			s.show(rw, req, func(*request) (page, error) { return page{}, err })
			return
		}
		h := rw.Header()
		h.Set("Content-Type", "text/csv; charset=utf-8")
		h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{
			"filename": t.name + "-" + req.now.UTC().Format("20060102-150405") + ".csv",
		}))
		h.Set("Cache-Control", "no-store")
		w := csv.NewWriter(bufio.NewWriterSize(rw, 64<<10))
		_ = w.Write(t.header)
		for row := range t.rows {
			for i := range row {
				row[i] = cell(row[i])
			}
			if err := w.Write(row); err != nil {
				return // the reader is gone
			}
		}
		if w.Flush(); w.Error() != nil {
			s.options.Log.Debug("a file was not read to its end", slog.Any("err", w.Error()))
		}
	})
}

// file returns the address of a file of what this page is asked for, all of it.
func (r *request) file(path string) templ.SafeURL { return r.site.address(path, r.asked()) }

// cell keeps spreadsheets from taking a name that somebody else chose for a
// formula.
func cell(text string) string {
	if text != "" && strings.ContainsRune("=+-@\t\r\n", rune(text[0])) {
		return "'" + text
	}
	return text
}

func number(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}
