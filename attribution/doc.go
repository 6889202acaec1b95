// Package attribution says whose a series is and what it costs.
//
// [Owners] are clauses in order; the first that decides names the team: selectors
// and labels as they are written, then what a [Catalog] knows of a label's value.
// What no clause decides is [Unowned].
//
// The [Ledger] gathers what became of samples, in cells of hour, tenant, team and
// metric, and stores them in a [Store] that may be slow, or gone for a while. A
// [Cell] holds quantities only. A [Tariff] knows the price of every hour; a
// [Builder] makes a [Report] of cells and prices, exact until it is rounded once.
// A [Forecast] says what a month will come to, a [Budget] what it may.
package attribution
