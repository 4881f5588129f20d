package io.millrace.gpu.sampling.constraint;

import io.millrace.gpu.api.constraint.Constraint;
import io.millrace.gpu.sampling.grammar.Grammar;

/**
 * A constraint with its grammar: whoever holds it needs no cache.
 *
 * @param source what the request had
 */
public record CompiledConstraint(Constraint source, Grammar grammar)
        implements Constraint.Compiled {}
