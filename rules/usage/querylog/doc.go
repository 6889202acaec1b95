// Package querylog knows which metrics and labels queries asked for, when last and
// how often.
//
//	query log → Tail ─┐
//	others' queries ──┴→ Evidence.Note → Of(metric, label)
//
// It holds names and counts, never queries, and errs on one side only: what cannot
// be read, or has no room, may have been asked for.
package querylog
