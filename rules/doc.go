// Package rules says what of a series is kept, thinned or dropped, and with
// which priority.
//
// A [Rule] is a selector and an action, the same in files and in the API
// ([Spec]). An [Engine] holds the rules of all tenants and swaps them whole; a
// [Policy] is what one tenant gets of them, compiled so that a series meets only
// the rules that could match it:
//
//	files → ParseFile → Engine.Load → Engine.For(tenant) → Policy.Evaluate → Verdict
//
// A [Verdict] is a function of the labels, the team and the policy alone. It
// holds the answer within the tenant's limit and the one over it, so that nothing
// is evaluated again when the tenant goes over; [Policy.Since] says which series
// another policy may judge differently.
package rules
