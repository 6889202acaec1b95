// Package sketch counts what is too much to be listed: the distinct series of a
// metric, the distinct values of a label, and the values with the most series.
//
//	labels → Pair, Sum, Final (hash.go) → Window (how many) and Top (which)
//
// What it makes can be merged across processes and releases, because the hashes
// are the same everywhere and for ever: see [Version]. Merging is a union, so a
// series that two gateways saw counts once in a [Window].
//
// Time is counted in parts: a window is [Parts] of them, numbered upwards by the
// caller. Every series is to be inserted once in each part in which it is seen.
package sketch

// Parts is how many parts make up a window. What was seen last in part p counts
// up to part p+Parts-1.
const Parts = 6
