package attribution

import (
	"math"
	"slices"
	"time"
)

// Confidence is how often a month ends within its forecast's band.
const Confidence = 0.9

// A Forecast says what a month will come to: month to date, and for the rest the
// weekday pattern and trend of the trailing weeks.
type Forecast struct {
	Month    Month
	ToDate   Micro
	Expected Micro // at the end of the month
	Low      Micro // nine months of ten end between Low and High
	High     Micro
	Basis    string // what it rests on, for people
	Days     []DayForecast
}

// A DayForecast is what is expected of one day that is not over.
type DayForecast struct {
	Day      Hour
	Expected Micro // still to come on that day
	ToDate   Micro // expected of the month by the end of the day
	Low      Micro // of ToDate
	High     Micro
}

// A DayTotal is what one day came to.
type DayTotal struct {
	Day   Hour
	Total Micro
}

const (
	trailing   = 8 * 7 // days that a forecast looks back
	forPattern = 2 * 7 // days without which there is no weekday pattern
	forTrend   = 3 * 7 // and no trend
)

// Days returns the report's total of every day in [from, to), whether it has rows
// or not. The report is grouped by day.
func (r *Report) Days() []DayTotal {
	days := make([]DayTotal, 0, max(0, (r.To-r.From)/24+1))
	for d := r.From.Day(); d < r.To; d += 24 {
		days = append(days, DayTotal{Day: d})
	}
	for i := range r.Rows {
		if at := (r.Rows[i].Day - r.From.Day()) / 24; at >= 0 && int(at) < len(days) {
			days[at].Total += r.Rows[i].Cost
		}
	}
	return days
}

// NewForecast returns the forecast of the month that now lies in, from the totals
// of consecutive days up to now's own, which may be incomplete. Days before the
// first that cost anything say nothing, as there was no record of them.
func NewForecast(days []DayTotal, now time.Time) Forecast {
	hour := HourOf(now)
	f := Forecast{Month: hour.Month()}
	today := hour.Day()
	var history []float64 // complete days, oldest first, in micro-units
	for _, d := range days {
		if f.Month.From() <= d.Day && d.Day <= today {
			f.ToDate += d.Total
		}
		if d.Day < today && (d.Total != 0 || history != nil) {
			history = append(history, float64(d.Total))
		}
	}
	if len(history) > trailing {
		history = history[len(history)-trailing:]
	}
	passed := now.Sub(today.Time()).Hours() / 24
	first := weekday(today - Hour(24*len(history)))
	steady := fit(history, first, false)
	if len(history) == 0 && passed > 0 {
		steady.coefficients[0] = float64(f.ToDate) / passed // today's own rate is all there is
	}
	f.Basis = steady.basis
	sums := []*sum{newSum(steady)}
	if growsLikely(history) {
		sums = append(sums, newSum(fit(history, first, true)))
	}
	at, last := len(history), 0.0
	for d := today; d < f.Month.To(); d += 24 {
		part := 1.0
		if d == today {
			part -= passed
		}
		value, half := combine(sums, at, part)
		toDate := f.ToDate + micro(value)
		f.Days = append(f.Days, DayForecast{
			Day: d, Expected: micro(value - last), ToDate: toDate,
			Low: max(f.ToDate, toDate-micro(half)), High: toDate + micro(half),
		})
		at++
		last = value
	}
	end := f.Days[len(f.Days)-1]
	f.Expected, f.Low, f.High = end.ToDate, end.Low, end.High
	return f
}

// growsLikely reports whether growth by a constant factor is as likely as growth
// by a constant amount: there is a trend, and no day on which next to nothing
// was used.
func growsLikely(history []float64) bool {
	if len(history) < forTrend {
		return false
	}
	var mean float64
	for _, v := range history {
		mean += v / float64(len(history))
	}
	return slices.Min(history) > mean/100
}

// combine adds a part of day t to sums, and returns their middle and the half
// width of a band that reaches as far around it as theirs around each of them. It
// takes weeks to tell growth by an amount from growth by a factor; until then
// the truth lies between them.
func combine(sums []*sum, t int, part float64) (value, half float64) {
	least, most := math.Inf(1), math.Inf(-1)
	for _, s := range sums {
		half = max(half, s.add(t, part))
		least, most = min(least, s.value), max(most, s.value)
	}
	return (least + most) / 2, half + (most-least)/2
}

// weekday returns the day of the week that d is, from 0 for Thursday, which 1970
// began with. Any constant offset would do.
func weekday(d Hour) int { return int(((d/24)%7 + 7) % 7) }

func micro(v float64) Micro {
	return Micro(math.Round(min(max(v, -1<<62), 1<<62)))
}

// A sum adds up predicted days.
type sum struct {
	regression
	value     float64
	variances float64   // of the days themselves, in variances of the regression
	together  []float64 // the days' regressors, summed
}

func newSum(m regression) *sum {
	return &sum{regression: m, together: make([]float64, len(m.coefficients))}
}

// add adds a part of day t and returns the half width of the sum's band: the
// prediction interval of linear regression for a sum of new observations, whose
// variance is σ²(h + vᵀ(XᵀX)⁻¹v) with h the days and v the sum of their regressors.
// Where logarithms were fitted, each day weighs as much as it comes to, which is
// how much a day varies with its logarithm.
func (s *sum) add(t int, part float64) (half float64) {
	day, weight := max(0, s.at(t)), 1.0
	if s.logs {
		day = math.Exp(s.at(t) + s.variance/2) // the mean of a log-normal distribution
		weight = day
	}
	s.value += part * day
	s.variances += part * weight * weight
	level, x := s.regressors(t)
	s.together[level] += part * weight
	if x != 0 {
		s.together[7] += part * weight * x
	}
	var estimated float64
	for i, vi := range s.together {
		for j, vj := range s.together {
			estimated += vi * s.covariance[i][j] * vj
		}
	}
	return s.quantile * math.Sqrt(s.variance*s.correlated*(s.variances+estimated))
}
