// Package prom puts a real Prometheus on both sides of Headgate.
//
// A [Sender] is Prometheus' own time series database, write-ahead log and
// remote-write queue; a [Receiver] is its remote-write receiver on a second
// database. Between them stand the real headgate binary ([Headgate]) and, on
// either side of it, a [Proxy] that injects faults by seed:
//
//	Sender → Proxy → Headgate → Proxy → Receiver
//
// The sender keeps a log of every sample it appended. That log, or what a
// policy makes of it ([Thin]), is compared bit by bit with what the receiver
// stored ([Compare]).
//
// The module is nested, because Prometheus' storage drags the SDKs of three
// clouds into go.mod.
package prom
