/** Finite automata over Unicode characters, with the operations of sets. */
package io.millrace.gpu.sampling.grammar.automaton;
