/**
 * Where a text of a grammar can stand, byte by byte: positions are made when they are reached, and
 * a value within a value is entered by a call.
 */
package io.millrace.gpu.sampling.grammar.position;
