// Package remotewrite is the wire: it reads remote-write bodies, 1.0 and 2.0, as
// byte ranges without building messages, and writes bodies of what is kept.
//
// A body is judged as prompb, Prometheus' own decoder, judges it: what prompb
// accepts is accepted and means the same. Stricter in a few points: groups,
// packed values that run past their field, references outside the symbols table
// and the caps of [Limits] are refused with [ErrMalformed].
package remotewrite
