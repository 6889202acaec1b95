//go:build race

package profiler

// runs is how many populations of each shape are estimated. The race detector
// makes each ten times as slow and looks for something else.
const runs = 2

// share is by how much smaller populations are that only have to be large.
const share = 4
