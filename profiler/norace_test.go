//go:build !race

package profiler

// runs is how many populations of each shape are estimated: over 1000 estimates.
const runs = 45

// share is by how much smaller populations are that only have to be large: not at
// all.
const share = 1
