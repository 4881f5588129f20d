/** Runs a grammar over bytes and over a vocabulary: its states, and the tokens that each allows. */
package io.millrace.gpu.sampling.grammar.mask;
