package io.millrace.gpu.sampling.constraint;

import io.millrace.gpu.api.constraint.Constraint;
import io.millrace.gpu.sampling.grammar.Grammar;

/**
 * A constraint with its compiled grammar.
 *
 * @param source the constraint of the request
 */
public record CompiledConstraint(Constraint source, Grammar grammar)
        implements Constraint.Compiled {}
