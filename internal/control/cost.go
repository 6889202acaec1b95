package control

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/headgate/headgate/attribution"
)

// A CostReport is what was used and what it cost.
type CostReport struct {
	*attribution.Report
	At    time.Time // when it was made
	Notes []string  // sentences to be read with it
}

// Costs returns the report that q asks for.
func (c *Control) Costs(ctx context.Context, q CostQuery) (CostReport, error) {
	parsed, err := c.query(q, c.now())
	if err != nil {
		return CostReport{}, err
	}
	rows := func(r CostReport) int { return len(r.Rows) }
	return recently(ctx, c, "costs", parsed, parsed.Tenant, rows, func() (CostReport, error) {
		r, err := c.costs(ctx, parsed)
		if err == nil && c.recent {
			r.DropDrafts()
		}
		return r, err
	})
}

// FocusCosts returns the report that q asks for as charges of FOCUS: by day,
// tenant and team in any case, and with what nobody owns kept.
func (c *Control) FocusCosts(ctx context.Context, q CostQuery) (CostReport, error) {
	parsed, err := c.query(q, c.now())
	if err != nil {
		return CostReport{}, err
	}
	for _, column := range parsed.By {
		if column == attribution.ByRule {
			return CostReport{}, &Invalid{"by", "what rules removed is no charge; leave rule out, or ask for another format"}
		}
	}
	r, err := c.costs(ctx, parsed.Focus())
	if err == nil && r.Currency == "" {
		err = &Invalid{"format", attribution.ErrNoPrice.Error() + ", or PUT /api/v1/prices"}
	}
	return r, err
}

func (c *Control) costs(ctx context.Context, q attribution.Query) (out CostReport, err error) {
	out.At = time.Now()
	err = c.read(ctx, func(ctx context.Context, r *ledgerReader) error {
		out.Report, err = r.report(ctx, q)
		return err
	})
	if err == nil {
		out.Notes = notes(out.Report)
	}
	return out, err
}

// A CostFigure says how the cost of a row came about.
type CostFigure struct {
	attribution.Figure
	Currency string
	Total    attribution.Micro // of the report
	Query    attribution.Query // that the report answers
	At       time.Time         // when that was made
}

// CostFigures explains the row with the given values, each as in team:checkout, of
// the report that q asks for. Where closed months were corrected, there are rows of
// the same values that do it: they come after it.
func (c *Control) CostFigures(ctx context.Context, q CostQuery, row []string) ([]CostFigure, error) {
	parsed, err := c.query(q, c.now())
	if err != nil {
		return nil, err
	}
	values, err := rowValues(parsed.By, row)
	if err != nil {
		return nil, err
	}
	return recently(ctx, c, "figures", struct {
		of  attribution.Query
		row []string
	}{parsed, row}, parsed.Tenant, few, func() ([]CostFigure, error) { return c.figures(ctx, parsed, values) })
}

func (c *Control) figures(ctx context.Context, q attribution.Query, values map[attribution.Column]string) ([]CostFigure, error) {
	r, err := c.costs(ctx, q)
	if err != nil {
		return nil, err
	}
	var figures, corrections []CostFigure
	for _, i := range r.Find(values) {
		f := CostFigure{r.Explain(i), r.Currency, r.Total, r.Query, r.At}
		if f.Fixed != nil {
			corrections = append(corrections, f)
		} else {
			figures = append(figures, f)
		}
	}
	if figures = append(figures, corrections...); len(figures) == 0 {
		return nil, &missing{"the report has no such row: it is of another time, or its values are others"}
	}
	return figures, nil
}

// rowValues parses the values of a row, one for each column.
func rowValues(by []attribution.Column, row []string) (map[attribution.Column]string, error) {
	values := make(map[attribution.Column]string, len(row))
	for _, text := range row {
		name, value, ok := strings.Cut(text, ":")
		c := attribution.Column(name)
		_, twice := values[c]
		switch {
		case !ok:
			return nil, &Invalid{"row", fmt.Sprintf("%.80q is no value of a row; write it as in team:checkout", text)}
		case !slices.Contains(by, c):
			return nil, &Invalid{"row", fmt.Sprintf("the report is not by %.64q; add it to by, or leave it out", name)}
		case twice:
			return nil, &Invalid{"row", fmt.Sprintf("%s is there twice; remove one", name)}
		}
		values[c] = value
	}
	for _, c := range by {
		if _, ok := values[c]; !ok {
			return nil, &Invalid{"row", fmt.Sprintf("which %s? write it as in %s:VALUE", c, c)}
		}
	}
	return values, nil
}
