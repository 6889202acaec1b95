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
// The tests build headgate from the module two levels up and run each scenario
// once. For the full proof, with a line of numbers for each run:
//
//	go test -v -runs=20 -timeout=30m .
//
// The module is nested, because Prometheus' storage drags the SDKs of three
// clouds into go.mod.
package prom
