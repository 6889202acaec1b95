// Package querylog knows which metrics and labels queries asked for, when last and
// how often, and over which ranges.
//
//	query log → Tail ─┐                ┌→ Of(metric, label), SeenFor(metric, label)
//	others' queries ──┴→ Evidence.Note ┴→ Index, which says what a rule would break
//
// It is bounded, and errs on one side only: what cannot be read, or has no room,
// may have been asked for.
package querylog
