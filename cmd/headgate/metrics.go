package main

import "github.com/prometheus/client_golang/prometheus"

// A connCollector counts the listeners' connections.
type connCollector []*server

var (
	connsDesc = prometheus.NewDesc("headgate_connections",
		"Open connections of a listener, web or ingest.", []string{"listener"}, nil)
	connsMaxDesc = prometheus.NewDesc("headgate_connections_max",
		"How many connections a listener has open at most.", []string{"listener"}, nil)
	connsClosedDesc = prometheus.NewDesc("headgate_connections_closed_for_room_total",
		"Connections that were closed to make room for others: idle ones, and those whose request took its time to arrive.", []string{"listener"}, nil)
)

// Describe implements prometheus.Collector.
func (c connCollector) Describe(ch chan<- *prometheus.Desc) {
	ch <- connsDesc
	ch <- connsMaxDesc
	ch <- connsClosedDesc
}

// Collect implements prometheus.Collector.
func (c connCollector) Collect(ch chan<- prometheus.Metric) {
	for _, s := range c {
		open, closings := s.conns.count()
		ch <- prometheus.MustNewConstMetric(connsDesc, prometheus.GaugeValue, float64(open), s.name)
		ch <- prometheus.MustNewConstMetric(connsMaxDesc, prometheus.GaugeValue, float64(s.conns.max), s.name)
		ch <- prometheus.MustNewConstMetric(connsClosedDesc, prometheus.CounterValue, float64(closings), s.name)
	}
}
