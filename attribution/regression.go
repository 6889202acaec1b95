package attribution

import (
	"fmt"
	"math"
	"slices"
)

// A regression is a linear model of days' totals: a level, or one for each day of
// the week, and where there are days enough a trend or a step.
type regression struct {
	first        int  // weekday of day 0
	logs         bool // it is the days' logarithms that were fitted
	weekly       bool
	step         int         // the day since which the level is another one; 0: there is a trend instead
	coefficients []float64   // level or levels, then the trend per day or the step
	covariance   [][]float64 // (XᵀX)⁻¹
	squares      float64     // of the days' distances from the line, summed
	variance     float64     // of a day about the line
	correlated   float64     // by how much more a sum of days varies than if they were independent
	quantile     float64     // of Student's distribution, for Confidence
	basis        string
}

// fit returns the regression of consecutive days, or of their logarithms. The
// first of them is weekday first.
func fit(days []float64, first int, logs bool) regression {
	n := len(days)
	if logs {
		days = slices.Clone(days)
		for i, v := range days {
			days[i] = math.Log(v)
		}
	}
	m := regression{first: first, logs: logs, weekly: n >= forPattern}
	switch {
	case n >= forTrend:
		m.basis = "weekday pattern and trend of the last " + count(n, "day")
		m.solve(days, 8)
		m.seekStep(days)
	case m.weekly:
		m.basis = "weekday pattern of the last " + count(n, "day")
		m.solve(days, 7)
	case n > 0:
		m.basis = "mean of the last " + count(n, "day") + "; a weekday pattern needs two weeks"
		m.solve(days, 1)
	default:
		m.basis = "today's rate; there is no complete day yet"
		m.coefficients, m.covariance = make([]float64, 1), square(1)
	}
	return m
}

const (
	stepAfter  = 7   // days before a step that may be one
	stepBefore = 5   // and after it
	stepGain   = 0.6 // of the squares about a trend; a step that explains less is chance
)

// seekStep looks for a day since which the level is another: a rule that was
// turned on, a service that moved in. Where that explains the days much better
// than a trend does, it is what holds; a step taken for a trend would go on.
func (m *regression) seekStep(days []float64) {
	trend := *m
	for step := stepAfter; step <= len(days)-stepBefore; step++ {
		c := trend
		c.step = step
		c.solve(days, 8)
		if c.squares < stepGain*trend.squares && c.squares < m.squares {
			*m = c
			m.basis = fmt.Sprintf("weekday pattern of the last %s, at the level of the last %s", count(len(days), "day"), count(len(days)-step, "day"))
		}
	}
}

// solve fits p coefficients to days.
func (m *regression) solve(days []float64, p int) {
	m.coefficients = make([]float64, p)
	xtx, xty := square(p), make([]float64, p)
	for t, y := range days {
		level, x := m.regressors(t)
		xtx[level][level]++
		xty[level] += y
		if p == 8 {
			xtx[level][7] += x
			xtx[7][level] += x
			xtx[7][7] += x * x
			xty[7] += x * y
		}
	}
	m.covariance = inverse(xtx)
	for i := range p {
		for j := range p {
			m.coefficients[i] += m.covariance[i][j] * xty[j]
		}
	}
	m.spread(days)
}

// spread estimates how far days lie from the line, and how alike neighbours are:
// a week that is too high as a whole makes a month worse than seven days that are
// each too high or too low.
func (m *regression) spread(days []float64) {
	n, p := len(days), len(m.coefficients)
	var products, last float64
	m.squares = 0
	for t, y := range days {
		e := y - m.at(t)
		m.squares += e * e
		if t > 0 {
			products += e * last
		}
		last = e
	}
	free := n - p
	if m.step > 0 {
		free-- // the day of the step was fitted, too
	}
	if free < 1 {
		// One day tells nothing of how days differ: as much as they come to.
		m.variance, m.correlated, m.quantile = m.coefficients[0]*m.coefficients[0], 1, normal
		return
	}
	m.variance = m.squares / float64(free)
	m.correlated = 1
	if m.squares > 0 && n >= forPattern {
		// Fitting p coefficients pulls the residuals' correlation down by about p/n.
		rho := products/m.squares + float64(p)/float64(n)
		rho = min(max(rho, 0), 0.9)
		m.correlated = (1 + rho) / (1 - rho)
	}
	m.quantile = student(float64(free))
}

// regressors returns which level day t has, from 0 for the first of the fit, and
// how often it has the last coefficient, where that is a trend or a step.
func (m *regression) regressors(t int) (level int, x float64) {
	if m.weekly {
		level = (m.first + t) % 7
	}
	switch {
	case len(m.coefficients) < 8:
	case m.step == 0:
		x = float64(t)
	case t >= m.step:
		x = 1
	}
	return level, x
}

// at returns what the line says of day t.
func (m *regression) at(t int) float64 {
	level, x := m.regressors(t)
	return m.coefficients[level] + x*m.coefficients[len(m.coefficients)-1]
}

// normal is the quantile of the normal distribution within which 90 % lie on both
// sides.
const normal = 1.6448536269514722

// student returns that of Student's distribution with so many degrees of freedom,
// within 0.5 % from three on (Abramowitz and Stegun, 26.7.5).
func student(free float64) float64 {
	const z = normal
	switch {
	case free < 1.5:
		return 6.314
	case free < 2.5:
		return 2.920
	}
	z3, z5 := z*z*z, z*z*z*z*z
	return z + (z3+z)/(4*free) + (5*z5+16*z3+3*z)/(96*free*free)
}

func square(n int) [][]float64 {
	m := make([][]float64, n)
	for i := range m {
		m[i] = make([]float64, n)
	}
	return m
}

// inverse returns the inverse of a, which it destroys, by Gauss' and Jordan's
// elimination. A direction in which nothing is known stays 0.
func inverse(a [][]float64) [][]float64 {
	n := len(a)
	inv := square(n)
	for i := range n {
		inv[i][i] = 1
	}
	for col := range n {
		pivot := col
		for row := col + 1; row < n; row++ {
			if math.Abs(a[row][col]) > math.Abs(a[pivot][col]) {
				pivot = row
			}
		}
		a[col], a[pivot] = a[pivot], a[col]
		inv[col], inv[pivot] = inv[pivot], inv[col]
		if math.Abs(a[col][col]) < 1e-9 {
			clear(inv[col])
			continue
		}
		f := 1 / a[col][col]
		for j := range n {
			a[col][j] *= f
			inv[col][j] *= f
		}
		for row := range n {
			if f := a[row][col]; row != col && f != 0 {
				for j := range n {
					a[row][j] -= f * a[col][j]
					inv[row][j] -= f * inv[col][j]
				}
			}
		}
	}
	return inv
}

func count(n int, what string) string {
	if n == 1 {
		return what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
