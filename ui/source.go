package ui

import (
	"fmt"
	"strings"

	"github.com/headgate/headgate/internal/control"
)

// A sourcesView is the files that Headgate reads besides its configuration, and
// what of them cannot be used.
type sourcesView struct {
	Catalogs []factView // with how much each holds
	Skipped  []string   // entries of catalogs
	Unread   []string   // queries of rule files and dashboards
	More     [2]string  // what is left out of either
}

// maxProblems is how many problems of a kind a page shows.
const maxProblems = 50

func newSourcesView(c *control.Control) sourcesView {
	var v sourcesView
	for _, catalog := range c.Owners().Catalogs {
		v.Catalogs = append(v.Catalogs, factView{Name: some(catalog.Config().Files), Text: sentence(shown(catalog.String()))})
	}
	v.Skipped, v.More[0] = problemLines(c.CatalogProblems())
	if list, err := c.UsageProblems(); err == nil { // else nothing is known of queries
		v.Unread, v.More[1] = problemLines(list)
	}
	return v
}

// problemLines returns what is wrong with files, and how much more is.
func problemLines[P fmt.Stringer](list []P) (texts []string, more string) {
	for _, p := range list[:min(maxProblems, len(list))] {
		texts = append(texts, shown(clipped(p.String())))
	}
	if n := len(list) - maxProblems; n > 0 {
		more = count(float64(n)) + " more"
	}
	return texts, more
}

// clipped cuts a text off that is too long for a list.
func clipped(text string) string { return clippedTo(text, 500) }

func clippedTo(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}

// newLedgerFacts says how far what is recorded of samples is behind them; open is
// whether its store is.
func newLedgerFacts(r *request, open bool) []factView {
	s, ok := r.control.LedgerState()
	if !ok {
		return nil
	}
	return ledgerFacts(r, s, open)
}

func ledgerFacts(r *request, s control.LedgerState, open bool) []factView {
	stored := factView{Name: "Stored", Text: "nothing yet"}
	if !s.Stored.IsZero() {
		stored.Text = "all until " + newWhen(s.Stored, r.now).Exact + ", " + ago(s.Stored, r.now)
	}
	state := factView{Name: "Its store", Text: "is open"}
	if !open {
		state.Text = "is not open: it is tried again, and what was counted waits in memory"
	}
	list := []factView{state, stored, {Name: "Waiting", Text: count(float64(s.Waiting)) + " samples in " + count(float64(s.Cells)) + " cells"}}
	if s.Err != nil {
		list = append(list, factView{Name: "Failing", Text: "the store took nothing " + count(float64(s.Attempts)) + " times; nothing is lost meanwhile, and the log says why"})
	}
	if s.Folded > 0 {
		list = append(list, factView{Name: "Without names", Text: count(float64(s.Folded)) + " samples stand under __overflow__: there were more names than fit while the store took nothing"})
	}
	return list
}
