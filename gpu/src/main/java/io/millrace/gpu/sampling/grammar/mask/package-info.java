/** Runs a grammar over bytes and over a vocabulary: states, and the tokens each of them allows. */
package io.millrace.gpu.sampling.grammar.mask;
