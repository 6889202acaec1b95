// Package bench measures Headgate against vmagent: what a sample costs in CPU
// time of the process under test, how much memory that process holds, and how
// long a sender waits for its answer.
//
// A [Spec] describes a workload and [Build] makes it into a [Load]: compressed
// request bodies of realistic Kubernetes series, ready to send. A [Sink] is the
// fake upstream, with faults to inject. A [Subject] is a program between the
// two. [Rows] are the measurements, and a [Report] is what they found.
//
// README.md in this folder says how the figures come about and how to read them.
package bench
