/**
 * Sets of JSON values without {@code allOf}, {@code not} or references, and the operations on them:
 * for each type a union of shapes, with inner values as demands.
 */
package io.millrace.gpu.sampling.grammar.shape;
