// Package attribution says whose a series is.
//
// [Owners] are clauses in order; the first that decides names the team. What no
// clause decides is [Unowned].
package attribution
