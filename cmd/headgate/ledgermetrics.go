package main

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/headgate/headgate/attribution"
)

var (
	ledgerWaitingDesc = prometheus.NewDesc("headgate_ledger_waiting_samples",
		"Samples whose record waits for the store.", nil, nil)
	ledgerCellsDesc = prometheus.NewDesc("headgate_ledger_waiting_cells",
		"Cells of the ledger that wait for the store.", nil, nil)
	ledgerAttemptsDesc = prometheus.NewDesc("headgate_ledger_failed_attempts",
		"How often the store has refused the oldest of them in a row.", nil, nil)
	ledgerStoredDesc = prometheus.NewDesc("headgate_ledger_last_stored_timestamp_seconds",
		"What was recorded before that time is stored.", nil, nil)
	ledgerFoldedDesc = prometheus.NewDesc("headgate_ledger_overflow_samples_total",
		"Samples recorded without the name of their metric, because there were too many names.", nil, nil)
)

// A ledgerCollector says how far the store is behind.
type ledgerCollector struct{ book *attribution.Ledger }

// Describe implements [prometheus.Collector].
func (c ledgerCollector) Describe(ch chan<- *prometheus.Desc) { prometheus.DescribeByCollect(c, ch) }

// Collect implements [prometheus.Collector].
func (c ledgerCollector) Collect(ch chan<- prometheus.Metric) {
	s := c.book.Status()
	gauge := func(d *prometheus.Desc, v float64) { ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v) }
	gauge(ledgerWaitingDesc, float64(s.Waiting))
	gauge(ledgerCellsDesc, float64(s.Cells))
	gauge(ledgerAttemptsDesc, float64(s.Attempts))
	if s.Stored.IsZero() {
		gauge(ledgerStoredDesc, 0)
	} else {
		gauge(ledgerStoredDesc, float64(s.Stored.UnixMilli())/1000)
	}
	ch <- prometheus.MustNewConstMetric(ledgerFoldedDesc, prometheus.CounterValue, float64(s.Folded))
}
