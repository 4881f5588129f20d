/**
 * The positions within texts of a grammar, byte by byte, created on demand. A value within a value
 * is entered by a call, as in a pushdown automaton.
 */
package io.millrace.gpu.sampling.grammar.position;
