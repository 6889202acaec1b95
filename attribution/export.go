package attribution

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// A jsonRow is a row as the API writes it: what the report is not grouped by is
// left out, what it is grouped by never.
type jsonRow struct {
	Day         *string `json:"day,omitempty"`
	Tenant      *string `json:"tenant,omitempty"`
	Team        *string `json:"team,omitempty"`
	Service     *string `json:"service,omitempty"`
	Metric      *string `json:"metric,omitempty"`
	Rule        *string `json:"rule,omitempty"`
	Samples     uint64  `json:"samples"` // forwarded: what is paid for
	SeriesHours uint64  `json:"series_hours"`
	Dropped     uint64  `json:"dropped"`
	Downsampled uint64  `json:"downsampled"`
	Shed        uint64  `json:"shed"`
	Rejected    uint64  `json:"rejected"`
	Failed      uint64  `json:"failed"`
	Cost        Micro   `json:"cost_micro"`
	Shared      Micro   `json:"shared_micro"`
	Saved       Micro   `json:"saved_micro"`
	Adjusts     string  `json:"adjusts,omitempty"` // the month that the row corrects
	Reason      string  `json:"reason,omitempty"`
}

func (r *Report) jsonRow(i int) jsonRow {
	row := &r.Rows[i]
	j := jsonRow{
		Samples: row.Samples[Forwarded], SeriesHours: row.SeriesHours,
		Dropped: row.Samples[Dropped], Downsampled: row.Samples[Downsampled], Shed: row.Samples[Shed],
		Rejected: row.Samples[Rejected], Failed: row.Samples[Failed],
		Cost: row.Cost, Shared: row.Shared, Saved: row.Saved,
	}
	for _, c := range r.By {
		text := row.text(c)
		switch c {
		case ByDay:
			j.Day = &text
		case ByTenant:
			j.Tenant = &text
		case ByTeam:
			j.Team = &text
		case ByService:
			j.Service = &text
		case ByMetric:
			j.Metric = &text
		case ByRule:
			j.Rule = &text
		}
	}
	if a := row.Adjustment; a != nil {
		j.Adjusts, j.Reason = a.Of.String(), a.Reason
	}
	return j
}

// WriteJSON writes the report as GET /api/v1/costs answers it, row by row: the
// first limit rows, or all where that is 0, and what the rest come to. Notes are
// sentences to be read with it.
func (r *Report) WriteJSON(w io.Writer, limit int, notes ...string) error {
	shown := len(r.Rows)
	if limit > 0 {
		shown = min(shown, limit)
	}
	var rest Micro
	for i := range r.Rows[shown:] {
		rest += r.Rows[shown+i].Cost
	}
	head, err := json.Marshal(struct {
		Currency string   `json:"currency"`
		From     Hour     `json:"from"`
		To       Hour     `json:"to"`
		By       []Column `json:"by"`
		Shared   Sharing  `json:"shared"`
		Coverage float64  `json:"coverage"` // the part of the cost that somebody owns
		Unpriced uint64   `json:"unpriced_samples"`
		Saved    Micro    `json:"saved_micro"`
		Total    Micro    `json:"total_micro"`
		RestRows int      `json:"rest_rows"` // that are not written
		Rest     Micro    `json:"rest_micro"`
		Notes    []string `json:"notes"`
	}{r.Currency, r.From, r.To, append([]Column{}, r.By...), sharing(r.Shared), r.Coverage, r.Unpriced.Samples, r.Saved, r.Total,
		len(r.Rows) - shown, rest, append([]string{}, notes...)})
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(w, "%s,\"rows\":[", head[:len(head)-1]); err != nil {
		return err
	}
	for i := range shown {
		row, err := json.Marshal(r.jsonRow(i))
		if err != nil {
			return err
		}
		if i > 0 {
			row = append([]byte(","), row...)
		}
		if _, err := w.Write(row); err != nil {
			return err
		}
	}
	_, err = io.WriteString(w, "]}\n")
	return err
}

func sharing(s Sharing) Sharing {
	if s == "" {
		return Keep
	}
	return s
}

// WriteCSV writes the rows as a table, one by one. Money is in whole units of the
// currency, exact to its millionth. Text that a spreadsheet would take for a
// formula is defused.
func (r *Report) WriteCSV(w io.Writer) error {
	c := csv.NewWriter(w)
	var header []string
	for _, column := range r.By {
		header = append(header, string(column))
	}
	header = append(header, "samples", "series_hours", "dropped", "downsampled", "shed", "rejected", "failed", "cost", "shared", "saved", "currency", "note")
	if err := c.Write(header); err != nil {
		return err
	}
	number := func(n uint64) string { return strconv.FormatUint(n, 10) }
	for i := range r.Rows {
		row := &r.Rows[i]
		var record []string
		for _, column := range r.By {
			record = append(record, defuse(row.text(column)))
		}
		note := ""
		if a := row.Adjustment; a != nil {
			note = fmt.Sprintf("adjustment of %s: %s", a.Of, a.Reason)
		}
		s := &row.Samples
		record = append(record, number(s[Forwarded]), number(row.SeriesHours), number(s[Dropped]), number(s[Downsampled]), number(s[Shed]),
			number(s[Rejected]), number(s[Failed]), row.Cost.String(), row.Shared.String(), row.Saved.String(), r.Currency, defuse(note))
		if err := c.Write(record); err != nil {
			return err
		}
	}
	c.Flush()
	return c.Error()
}

// defuse returns s so that no spreadsheet takes it for a formula: an apostrophe
// goes before a first character that would begin one (OWASP, "CSV Injection": = +
// - @, tab, carriage return, line feed, and the wide forms of the first four).
// Names of metrics, teams and rules come from whoever sends them. Numbers are not
// defused, as they are ours. What is not UTF-8 is replaced.
func defuse(s string) string {
	s = strings.ToValidUTF8(s, "\ufffd")
	if strings.IndexAny(s, "=+-@\t\r\n＝＋－＠") == 0 {
		return "'" + s
	}
	return s
}
