package io.millrace.operators.record;

import java.io.Serializable;

/**
 * Encodes failures as their sink will write them. The mailbox thread leaves it to another one where
 * a failure holds a long record.
 */
public interface FailureEncoder extends Serializable {
    /**
     * The failure in its sink's form. Always called by the same thread, which may have to wait for
     * a schema registry.
     */
    Outcome.Encoded encode(Outcome.Failed failed);
}
