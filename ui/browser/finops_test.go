package browser

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/headgate/headgate/internal/control/controltest"
)

// Somebody of finops finds the team that is over its budget, and why, takes the
// report along, and asks how a figure came about.
func TestFindWhoIsOverBudget(t *testing.T) {
	address := serveTo(t, controltest.Paying(t))
	withAndWithout(t, func(t *testing.T, v *visitor) {
		v.signIn(address, "fin")
		v.press("Teams & cost")
		v.at("Teams & cost")
		over := eval[[]string](t, v.ctx, `[...document.querySelectorAll('section[aria-labelledby=teams] tbody tr')]
			.filter(r => r.querySelector('.badge.bad')).map(r => r.querySelector('th a').textContent.trim())`)
		if !slices.Equal(over, []string{"checkout"}) {
			t.Fatalf("over their budgets are %q, want checkout", over)
		}
		v.press("checkout")
		v.at("checkout")
		if driver := v.text("section[aria-labelledby=drivers] tbody th"); driver != "checkout_session_events_total" {
			t.Errorf("what changed most is %q, want checkout_session_events_total", driver)
		}
		v.follow("section[aria-labelledby=metrics] .more a")
		v.at("Costs")
		total := v.money("table.costs tfoot tr:last-child a.figure")
		rows := v.sum("table.costs tbody a.figure")
		if total == 0 || math.Abs(total-rows) > 0.005*float64(1+len(v.texts("table.costs tbody tr"))) {
			t.Errorf("the rows sum to %.2f, and together they are %.2f", rows, total)
		}
		v.wantFile("CSV", "cost", total)
		if lead := v.text("main .lead"); !strings.Contains(lead, "FOCUS has no shares") {
			t.Errorf("the report says %q, want that FOCUS has none of what teams share", lead)
		}
		v.choose("select[name=shared]", "keep")
		v.press("Show")
		until(t, v.ctx, `document.readyState === 'complete' && location.search.includes('shared=keep')`)
		v.at("Costs")
		own := v.money("table.costs tfoot tr:last-child a.figure")
		if own >= total {
			t.Errorf("without a share of what nobody owns, %.2f are %.2f", total, own)
		}
		v.wantFile("CSV", "cost", own)
		v.wantFile("FOCUS", "BilledCost", own)

		dearest := v.text("table.costs tbody a.figure")
		v.follow("table.costs tbody a.figure")
		v.at("How this figure came about")
		if got := v.text(".formula .value"); got != dearest {
			t.Errorf("the figure %s comes about as %s", dearest, got)
		}
		if lines := v.texts(".formula li"); len(lines) < 2 || !strings.Contains(strings.Join(lines, "\n"), "× 0.1 EUR") {
			t.Errorf("its formula is %q, want samples and series at their prices", lines)
		}
		v.follow(".more a")
		v.at("Costs")
		if again := v.money("table.costs tfoot tr:last-child a.figure"); again != own {
			t.Errorf("the report that it is in comes to %.2f, want %.2f", again, own)
		}
	})
}

// wantFile downloads a report, a column of which must sum to what the page says.
func (v *visitor) wantFile(words, column string, total float64) {
	v.t.Helper()
	name, data := v.download(words)
	if !strings.HasPrefix(name, "headgate-costs-2026-11") || !strings.HasSuffix(name, ".csv") {
		v.t.Errorf("%s is a file %s", words, name)
	}
	if sum := sumOf(v.t, data, column); fmt.Sprintf("%.2f", sum) != fmt.Sprintf("%.2f", total) {
		v.t.Errorf("%s sums to %.4f, and the page says %.2f", words, sum, total)
	}
}

// sum adds the amounts that a selector matches.
func (v *visitor) sum(selector string) (sum float64) {
	v.t.Helper()
	for _, text := range v.texts(selector) {
		amount, err := strconv.ParseFloat(strings.NewReplacer("\u202f", "", " ", "").Replace(text), 64)
		if err != nil {
			v.t.Fatal(err)
		}
		sum += amount
	}
	return sum
}

// money is the one amount that a selector matches.
func (v *visitor) money(selector string) float64 {
	v.t.Helper()
	if n := len(v.texts(selector)); n != 1 {
		v.t.Fatalf("there are %d of %s, want 1", n, selector)
	}
	return v.sum(selector)
}

// sumOf adds a column of a CSV file.
func sumOf(t *testing.T, data []byte, column string) (sum float64) {
	t.Helper()
	records, err := csv.NewReader(bytes.NewReader(data)).ReadAll()
	if err != nil || len(records) < 2 {
		t.Fatalf("%d records, %v: %.300s", len(records), err, data)
	}
	at := slices.Index(records[0], column)
	if at < 0 {
		t.Fatalf("there is no %s among %q", column, records[0])
	}
	for _, r := range records[1:] {
		amount, err := strconv.ParseFloat(r[at], 64)
		if err != nil {
			t.Fatal(err)
		}
		sum += amount
	}
	return sum
}
