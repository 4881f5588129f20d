/**
 * Sets of JSON values without {@code allOf}, {@code not} or references: for each type a union of
 * shapes, whose inner values stay demands, and the operations on such sets.
 */
package io.millrace.gpu.sampling.grammar.shape;
