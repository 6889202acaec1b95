package attribution

import (
	"fmt"
	"time"

	"github.com/headgate/headgate/internal/tenant"
)

// A Month is a calendar month of UTC: what is budgeted, forecast and closed.
type Month struct {
	Year  int
	Month time.Month
}

// closeAfter is how long after its end a month closes: until then the hours of
// every gateway have come in, and mistakes in prices can be mended.
const closeAfter = 48 * time.Hour

// ParseMonth reads a month such as 2026-11.
func ParseMonth(s string) (Month, error) {
	t, err := time.Parse("2006-01", s)
	if err != nil {
		return Month{}, fmt.Errorf("%.64q is no month; write it as in 2026-11", s)
	}
	return Month{t.Year(), t.Month()}, nil
}

// String returns m as ParseMonth reads it.
func (m Month) String() string { return fmt.Sprintf("%04d-%02d", m.Year, m.Month) }

// From returns the first hour of m.
func (m Month) From() Hour { return HourOf(time.Date(m.Year, m.Month, 1, 0, 0, 0, 0, time.UTC)) }

// To returns the hour after the last of m.
func (m Month) To() Hour { return m.Next().From() }

// Next returns the month after m.
func (m Month) Next() Month { return m.add(1) }

// Previous returns the month before m.
func (m Month) Previous() Month { return m.add(-1) }

func (m Month) add(n int) Month {
	t := time.Date(m.Year, m.Month+time.Month(n), 1, 0, 0, 0, 0, time.UTC)
	return Month{t.Year(), t.Month()}
}

// ClosesAt returns when m closes: from then on its cells, their owners and its
// prices stay as they are, and corrections are Adjustments.
func (m Month) ClosesAt() time.Time { return m.To().Time().Add(closeAfter) }

// A Closing is the record of a closed month: the prices that hold for it for
// ever, whatever changes later. Its owners are in its cells.
type Closing struct {
	Month  Month
	At     time.Time // when it was closed
	Prices []Price
}

// An Adjustment corrects a closed month. It stands in the month in which it was
// made, as a row of its own.
type Adjustment struct {
	At     Hour // when it was made
	Of     Month
	Tenant tenant.ID
	Team   string
	Amount Micro // more to pay; less where negative
	Reason string
}
