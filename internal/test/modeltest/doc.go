// Package modeltest holds the registry and deliveries on every store to a model
// that is small enough to be seen to be right. It has tests only, of two kinds:
//
//   - Sequences: random operations of several clients and the operator, one
//     after the other, some of them in the middle of another. Every answer and
//     the whole state must be the model's, down to the attempts that are kept
//     and what is listed as failing. What fails is shrunk to the few operations
//     that matter.
//   - Histories: clients that run at the same time, also through lost, late
//     and garbled answers. What each account's clients were told must be
//     explained by one order of their operations, each somewhere between its
//     call and its answer (linearizability). An operation that came to no
//     answer may have happened, may happen later, or never.
//
// Beside them customers leave while everything is asked for at once, through lost
// answers and messages. Stores that are broken on purpose show that all of this
// can fail.
package modeltest
