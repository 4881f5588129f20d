/**
 * The CPU backend: Vector API, all cores.
 *
 * <p>Its rule of numerics, under which an answer has the same bits on every machine, JDK and in
 * cold and hot code: every output of a matrix product is one chain of {@code fma} over k,
 * ascending; sums over a row use 16 virtual lanes (lane i takes elements i, i + 16, ...), closed by
 * lane i + 8, then + 4, + 2, + 1; attention works in ascending absolute position; exp is one
 * polynomial over {@code fma}. No vector op that the JDK does not define to the bit.
 */
package io.millrace.gpu.backend.cpu;
