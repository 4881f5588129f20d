/** The byte strings of a vocabulary's tokens, and the number of tokens that a text needs. */
package io.millrace.gpu.sampling.grammar.token;
