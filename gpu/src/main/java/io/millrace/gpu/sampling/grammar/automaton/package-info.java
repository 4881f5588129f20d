/** Finite automata over Unicode characters, with set operations. */
package io.millrace.gpu.sampling.grammar.automaton;
