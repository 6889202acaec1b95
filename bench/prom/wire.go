package prom

import (
	"errors"
	"fmt"
	"mime"
	"net/http"
	"strconv"

	"github.com/golang/snappy"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/prompb"
	writev2 "github.com/prometheus/prometheus/prompb/io/prometheus/write/v2"
)

// A Message is one remote-write request, decoded by Prometheus' own types.
type Message struct {
	Version int // 1 or 2
	Entries []Entry
}

// An Entry is one TimeSeries message: its series and what it holds.
type Entry struct {
	Series    string
	Points    []int64 // timestamps of samples and histograms, milliseconds
	Stale     []int64 // those of them that are stale markers
	Exemplars []string
}

// Samples counts the samples and histograms of m.
func (m *Message) Samples() int {
	n := 0
	for _, e := range m.Entries {
		n += len(e.Points)
	}
	return n
}

func (e *Entry) add(ms int64, v float64) {
	e.Points = append(e.Points, ms)
	if value.IsStaleNaN(v) {
		e.Stale = append(e.Stale, ms)
	}
}

// Repeated reports whether a series has several entries with samples in m.
func (m *Message) Repeated() bool {
	seen := make(map[string]bool, len(m.Entries))
	for _, e := range m.Entries {
		if len(e.Points) > 0 && seen[e.Series] {
			return true
		}
		seen[e.Series] = seen[e.Series] || len(e.Points) > 0
	}
	return false
}

// Disordered counts the samples of m that are not later than the one before
// them of the same series in m.
func (m *Message) Disordered() int {
	n, last := 0, make(map[string]int64, len(m.Entries))
	for _, e := range m.Entries {
		for _, ms := range e.Points {
			if before, ok := last[e.Series]; ok && ms <= before {
				n++
			}
			last[e.Series] = ms
		}
	}
	return n
}

// decodeMessage reads a body as its headers declare it.
func decodeMessage(header http.Header, body []byte) (*Message, error) {
	raw, err := snappy.Decode(nil, body)
	if err != nil {
		return nil, fmt.Errorf("decompress: %w", err)
	}
	_, params, err := mime.ParseMediaType(header.Get("Content-Type"))
	if err != nil {
		return nil, fmt.Errorf("read content type: %w", err)
	}
	if params["proto"] == "io.prometheus.write.v2.Request" {
		return decodeV2(raw)
	}
	return decodeV1(raw)
}

func decodeV1(raw []byte) (*Message, error) {
	var req prompb.WriteRequest
	if err := req.Unmarshal(raw); err != nil {
		return nil, fmt.Errorf("decode 1.0: %w", err)
	}
	m := &Message{Version: 1}
	b := labels.NewScratchBuilder(16)
	for _, ts := range req.Timeseries {
		e := Entry{Series: ts.ToLabels(&b, nil).String()}
		for _, s := range ts.Samples {
			e.add(s.Timestamp, s.Value)
		}
		for _, h := range ts.Histograms {
			e.add(h.Timestamp, h.Sum)
		}
		for _, x := range ts.Exemplars {
			e.Exemplars = append(e.Exemplars, exemplarText(x.ToExemplar(&b, nil)))
		}
		m.Entries = append(m.Entries, e)
	}
	return m, nil
}

func decodeV2(raw []byte) (*Message, error) {
	var req writev2.Request
	if err := req.Unmarshal(raw); err != nil {
		return nil, fmt.Errorf("decode 2.0: %w", err)
	}
	m := &Message{Version: 2}
	b := labels.NewScratchBuilder(16)
	for _, ts := range req.Timeseries {
		ls, err := ts.ToLabels(&b, req.Symbols)
		if err != nil {
			return nil, fmt.Errorf("decode 2.0: %w", err)
		}
		e := Entry{Series: ls.String()}
		for _, s := range ts.Samples {
			e.add(s.Timestamp, s.Value)
		}
		for _, h := range ts.Histograms {
			e.add(h.Timestamp, h.Sum)
		}
		for _, x := range ts.Exemplars {
			ex, err := x.ToExemplar(&b, req.Symbols)
			if err != nil {
				return nil, fmt.Errorf("decode 2.0: %w", err)
			}
			e.Exemplars = append(e.Exemplars, exemplarText(ex))
		}
		m.Entries = append(m.Entries, e)
	}
	return m, nil
}

// acknowledged is how many samples and histograms of m an answer confirms:
// 1.0 confirms all or nothing, 2.0 by its Written headers, whatever the status.
func acknowledged(m *Message, status int, header http.Header) (int, error) {
	if m.Version == 1 {
		if status/100 == 2 {
			return m.Samples(), nil
		}
		return 0, nil
	}
	if status/100 != 2 && status != http.StatusBadRequest {
		return 0, nil
	}
	samples, errS := strconv.Atoi(header.Get("X-Prometheus-Remote-Write-Samples-Written"))
	histograms, errH := strconv.Atoi(header.Get("X-Prometheus-Remote-Write-Histograms-Written"))
	if err := errors.Join(errS, errH); err != nil {
		return 0, fmt.Errorf("read Written headers of a %d: %w", status, err)
	}
	return samples + histograms, nil
}
