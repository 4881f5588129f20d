/** The byte strings of a vocabulary's tokens, and how few of them write a text. */
package io.millrace.gpu.sampling.grammar.token;
