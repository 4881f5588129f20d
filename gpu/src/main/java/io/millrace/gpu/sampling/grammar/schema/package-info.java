/**
 * Compiles JSON Schema: each set of schemas that a value must satisfy becomes a union of shapes,
 * without {@code allOf}, {@code not} or references.
 */
package io.millrace.gpu.sampling.grammar.schema;
