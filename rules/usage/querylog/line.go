package querylog

import (
	"bytes"
	"encoding/json"
	"time"
)

// maxLine is how long a line of a query log may be, in bytes. Longer ones are left
// out.
const maxLine = 256 << 10

// A splitter makes lines of what is read.
type splitter struct {
	rest []byte // the line that has not ended
	long bool   // what has come of the line is left out: it is too long
	over uint64 // lines that were
}

// add calls each with every line that ends in chunk, without its end. The line is
// valid until each returns.
func (s *splitter) add(chunk []byte, each func(line []byte)) {
	for {
		i := bytes.IndexByte(chunk, '\n')
		part, ended := chunk, i >= 0
		if ended {
			part, chunk = chunk[:i], chunk[i+1:]
		}
		if s.long || len(s.rest)+len(part) > maxLine {
			s.long, s.rest = true, s.rest[:0]
		} else {
			s.rest = append(s.rest, part...)
		}
		if !ended {
			return
		}
		if s.long {
			s.over++
		} else {
			each(s.rest)
		}
		s.rest, s.long = s.rest[:0], false
	}
}

// queryOf returns the query of a line of Prometheus' query log, and when it was
// asked; ok is false where the line has none.
func queryOf(line []byte) (expr string, at time.Time, ok bool) {
	var l struct {
		Params struct {
			Query string `json:"query"`
		} `json:"params"`
		TS   string `json:"ts"`   // before Prometheus 3
		Time string `json:"time"` // since
	}
	if json.Unmarshal(line, &l) != nil || l.Params.Query == "" {
		return "", time.Time{}, false
	}
	text := l.Time
	if text == "" {
		text = l.TS
	}
	at, err := time.Parse(time.RFC3339Nano, text)
	return l.Params.Query, at, err == nil
}
