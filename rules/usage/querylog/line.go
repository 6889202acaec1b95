package querylog

import (
	"bytes"
	"encoding/json"
	"time"
)

// maxLine is how long a line of a query log may be, in bytes. Longer ones are left
// out.
const maxLine = 256 << 10

// maxStep is the greatest step that is believed.
const maxStep = 366 * 24 * time.Hour

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

// A line is what is read of a line of Prometheus' query log.
type line struct {
	Params struct {
		Query string  `json:"query"`
		Step  float64 `json:"step"` // seconds; 0 of a query for one time
	} `json:"params"`
	TS          string `json:"ts"`   // before Prometheus 3
	Time        string `json:"time"` // since
	HTTPRequest struct {
		ClientIP string `json:"clientIP"`
	} `json:"httpRequest"`
	RuleGroup struct {
		Name string `json:"name"`
	} `json:"ruleGroup"`
}

// queryOf returns the query of a line of Prometheus' query log, when it was asked
// and how; ok is false where the line has none.
func queryOf(text []byte) (expr string, at time.Time, from Source, ok bool) {
	var l line
	if json.Unmarshal(text, &l) != nil || l.Params.Query == "" {
		return "", time.Time{}, Source{}, false
	}
	stamp := l.Time
	if stamp == "" {
		stamp = l.TS
	}
	at, err := time.Parse(time.RFC3339Nano, stamp)
	from.Log = true
	if s := l.Params.Step; 0 < s && s < maxStep.Seconds() {
		from.Step = time.Duration(s * float64(time.Second))
	}
	if from.By = l.HTTPRequest.ClientIP; l.RuleGroup.Name != "" {
		from.By = "rule group " + l.RuleGroup.Name
	}
	return l.Params.Query, at, from, err == nil
}
