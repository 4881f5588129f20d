package io.millrace.gpu.sampling.constraint;

import io.millrace.gpu.api.constraint.Constraint;
import io.millrace.gpu.sampling.grammar.Grammar;
import java.util.concurrent.atomic.AtomicBoolean;

/** A constraint with its grammar: whoever holds it needs no cache. */
public final class CompiledConstraint implements Constraint.Compiled {
    private final Grammar grammar;
    private final Runnable release;
    private final AtomicBoolean closed = new AtomicBoolean();

    /**
     * @param release run when it is closed first
     */
    public CompiledConstraint(Grammar grammar, Runnable release) {
        this.grammar = grammar;
        this.release = release;
    }

    public Grammar grammar() {
        return grammar;
    }

    @Override
    public void close() {
        if (!closed.getAndSet(true)) {
            release.run();
        }
    }
}
