package attribution

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// A shop is usage of a kind: what a day costs on average, and how days differ.
type shop struct {
	name     string
	weekend  float64 // of a weekday
	growth   float64 // per day, in parts of the first
	factor   float64 // per day, more than 1
	noise    float64 // standard deviation of a day, relative
	alike    float64 // correlation of a day's deviation with that of the day before
	history  int     // days before the month
	jump     int     // days before the month since which it is half as much again; 0 for none
	maxError float64 // of the month's end on its 10th, mean absolute and relative
}

// day returns what day i is without noise.
func (s shop) day(i int) float64 {
	v := 100e6 * (1 + s.growth*float64(i)) * math.Pow(1+s.factor, float64(i))
	if weekday(Hour(i)*24) == 2 || weekday(Hour(i)*24) == 3 { // Saturday and Sunday
		v *= s.weekend
	}
	return v
}

// backtest forecasts many months from one of their days, and returns the mean
// error of the month's end, how often it lay within the band, the band's mean half
// width, and the error of the rate of the month so far.
func (s shop) backtest(dayOfMonth, months int) (err, covered, width, naive float64) {
	rng := rand.New(rand.NewPCG(uint64(dayOfMonth), uint64(s.history)))
	for run := range months {
		m := Month{2026, time.Month(run%12 + 1)}
		first := int(m.From()/24) - s.history
		var days []DayTotal
		var actual, toDate, deviation float64
		length := int(m.To()-m.From()) / 24
		for i := range s.history + length {
			deviation = s.alike*deviation + math.Sqrt(1-s.alike*s.alike)*rng.NormFloat64()
			level := 1.0
			if s.jump > 0 && i >= s.history-s.jump {
				level = 1.5
			}
			d := DayTotal{Hour(first+i) * 24, Micro(level * s.day(first+i-int(Month{2026, 1}.From()/24)) * max(0, 1+s.noise*deviation))}
			if i >= s.history {
				actual += float64(d.Total)
			}
			if i < s.history+dayOfMonth {
				days = append(days, d)
				if i >= s.history {
					toDate += float64(d.Total)
				}
			}
		}
		f := NewForecast(days, (m.From() + Hour(dayOfMonth*24)).Time())
		err += math.Abs(float64(f.Expected)-actual) / actual
		naive += math.Abs(toDate/float64(dayOfMonth)*float64(length)-actual) / actual
		width += float64(f.High-f.Low) / 2 / actual
		if float64(f.Low) <= actual && actual <= float64(f.High) {
			covered++
		}
	}
	n := float64(months)
	return err / n, covered / n, width / n, naive / n
}

func TestForecastsHoldInBacktests(t *testing.T) {
	for _, s := range []shop{
		{"a shop that is closed at weekends", 0.3, 0, 0, 0.05, 0, 56, 0, 0.015},
		{"one that grows by a fifth each month", 0.6, 0, 0.006, 0.08, 0, 56, 0, 0.025},
		{"one that grows by a fifth of its first month", 0.6, 0.006, 0, 0.08, 0, 56, 0, 0.025},
		{"one whose good days come in a row", 0.6, 0.003, 0, 0.08, 0.6, 56, 0, 0.04},
		{"one that is three weeks old", 0.6, 0, 0, 0.08, 0, 21, 0, 0.035},
		{"one that jumped by half three weeks before the month", 0.6, 0, 0, 0.08, 0, 56, 21, 0.12},
		{"one that began two weeks before the month", 0.6, 0, 0, 0.08, 0, 14, 0, 0.04},
	} {
		for _, day := range []int{3, 10, 20} {
			t.Run(fmt.Sprintf("%s, from the %dth on", s.name, day), func(t *testing.T) {
				err, covered, width, naive := s.backtest(day, 240)
				t.Logf("error %.2f %% (of the rate so far %.2f %%), band ± %.1f %%, covered %.1f %%", 100*err, 100*naive, 100*width, 100*covered)
				limit := s.maxError * map[int]float64{3: 1.6, 10: 1, 20: 0.6}[day]
				if err > limit {
					t.Errorf("the mean error is %.4f, more than %.4f", err, limit)
				}
				// Of 240 months 216 ± 5 are to be covered.
				if covered < Confidence-0.03 {
					t.Errorf("the band covers %.3f, less than the %.2f that is promised", covered, Confidence)
				}
			})
		}
	}
}

// recordedDays returns what is in testdata/recorded.txt, at a unit of the currency
// each.
func recordedDays(t *testing.T) (days []DayTotal) {
	t.Helper()
	text, err := os.ReadFile("testdata/recorded.txt")
	if err != nil {
		t.Fatal(err)
	}
	day := mustHour(t, "2011-10-01")
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		for _, word := range strings.Fields(line) {
			n, err := strconv.ParseInt(word, 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			days = append(days, DayTotal{day, Micro(n * 1e6)})
			day += 24
		}
	}
	if len(days) != 123 {
		t.Fatalf("%d days are recorded, want 123", len(days))
	}
	return days
}

// Of usage that was recorded, with its storm and its holidays, forecasts err less
// than the rate of the month so far does, and most months end within the band.
func TestForecastsOfRecordedUsage(t *testing.T) {
	days := recordedDays(t)
	months := []Month{{2011, time.November}, {2011, time.December}, {2012, time.January}}
	covered, forecasts := 0, 0
	var err, errNaive float64
	for _, dayOfMonth := range []int{3, 10, 20} {
		var sum, naive float64
		for _, m := range months {
			var actual, toDate float64
			var known []DayTotal
			now := m.From() + Hour(dayOfMonth*24)
			for _, d := range days {
				if d.Day >= m.From() && d.Day < m.To() {
					actual += float64(d.Total)
					if d.Day < now {
						toDate += float64(d.Total)
					}
				}
				if d.Day < now {
					known = append(known, d)
				}
			}
			f := NewForecast(known, now.Time())
			length := float64(m.To()-m.From()) / 24
			off := math.Abs(float64(f.Expected)-actual) / actual
			sum += off
			naive += math.Abs(toDate/float64(dayOfMonth)*length-actual) / actual
			forecasts++
			if float64(f.Low) <= actual && actual <= float64(f.High) {
				covered++
			}
			t.Logf("%s on day %d: %.1f %% off, band from %.0f to %.0f, it was %.0f", m, dayOfMonth, 100*off, float64(f.Low)/1e6, float64(f.High)/1e6, actual/1e6)
		}
		err, errNaive = err+sum, errNaive+naive
		t.Logf("from day %d on: %.1f %% off, the rate so far %.1f %%", dayOfMonth, 100*sum/3, 100*naive/3)
	}
	n := float64(forecasts)
	t.Logf("in all: %.1f %% off, the rate so far %.1f %%; %d of %d within the band", 100*err/n, 100*errNaive/n, covered, forecasts)
	if err/n > 0.12 || err > 0.75*errNaive {
		t.Errorf("forecasts are %.1f %% off and the rate so far %.1f %%, want less than 12 %% and three quarters of that", 100*err/n, 100*errNaive/n)
	}
	if covered < 7 {
		t.Errorf("%d of %d months ended within the band, want seven at least", covered, forecasts)
	}
}

// totals returns consecutive days that end the day before today, then today.
func totals(today Hour, values ...Micro) []DayTotal {
	days := make([]DayTotal, len(values))
	for i, v := range values {
		days[i] = DayTotal{today - Hour(24*(len(values)-1-i)), v}
	}
	return days
}

func TestForecastFromLittle(t *testing.T) {
	tenth := mustHour(t, "2026-04-10")
	noon := (tenth + 12).Time()
	tests := []struct {
		name string
		days []DayTotal
		now  time.Time
		want Forecast // Low below and High above Expected are not compared
	}{
		{"nothing costs nothing", nil, noon, Forecast{Basis: "today's rate; there is no complete day yet"}},
		{"half a day's rate", totals(tenth, 100), noon,
			Forecast{ToDate: 100, Expected: 100 + 100 + 20*200, Basis: "today's rate; there is no complete day yet"}},
		{"one day and a half", totals(tenth, 200, 100), noon,
			Forecast{ToDate: 300, Expected: 300 + 100 + 20*200, Basis: "mean of the last day; a weekday pattern needs two weeks"}},
		{"days before the record began are no days without cost", totals(tenth, 0, 0, 200, 200, 0), tenth.Time(),
			Forecast{ToDate: 400, Expected: 400 + 21*200, Basis: "mean of the last 2 days; a weekday pattern needs two weeks"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := NewForecast(tt.days, tt.now)
			if f.Low > f.Expected || f.High < f.Expected || f.Low < f.ToDate || len(f.Days) != 21 {
				t.Errorf("from %s to %s, %d days", f.Low, f.High, len(f.Days))
			}
			tt.want.Month, tt.want.Low, tt.want.High, tt.want.Days = Month{2026, 4}, f.Low, f.High, f.Days
			if diff := cmp.Diff(tt.want, f); diff != "" {
				t.Errorf("forecast (-want +got):\n%s", diff)
			}
		})
	}
}

func TestForecastAtTheLastHour(t *testing.T) {
	m := Month{2026, 4}
	days := totals(m.To()-24, make([]Micro, 60)...)
	for i := range days {
		days[i].Total = 1000
	}
	f := NewForecast(days, m.To().Time().Add(-time.Nanosecond))
	if f.Expected != 30_000 || f.High-f.Low > 2 {
		t.Errorf("a nanosecond before its end, the month is expected between %d and %d to come to %d, want 30000", f.Low, f.High, f.Expected)
	}
}

func TestReportsDaysAreWithoutGaps(t *testing.T) {
	r := build(t, Query{From: 1000, To: 1050, By: []Column{ByDay, ByTeam}}, exampleTariff(t), exampleCells())
	want := []DayTotal{{984, 6_200_000}, {1008, 0}, {1032, 0}}
	if diff := cmp.Diff(want, r.Days()); diff != "" {
		t.Errorf("days (-want +got):\n%s", diff)
	}
}
