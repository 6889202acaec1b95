// Package limiter says how much of what a tenant sends may pass, and which of its
// series go first when not everything fits.
//
// A request reads one [Plan], asks it about series, and reports what it was about
// once the upstream took it:
//
//	For(tenant) → Plan(now) → Plan.OverLimit, Plan.Admits → Take → upstream → Settle
//
// The arithmetic is pure functions over plain values with the clock as an
// argument: a bucket ([bucket]), the sharing of a limit ([share]) and the place of
// a cut ([cut]). The state around it is thin: [Tenant] counts what was asked for,
// enters and leaves the state of being over the limit, and moves the cuts once a
// second in [Limiter.Tick]. README.md has the model, its arithmetic and its proofs.
package limiter
