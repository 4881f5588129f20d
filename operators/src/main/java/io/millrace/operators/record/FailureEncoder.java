package io.millrace.operators.record;

import java.io.Serializable;

/**
 * Encodes failures in the sink's output form. For failures of long records this runs off the
 * mailbox thread.
 */
public interface FailureEncoder extends Serializable {
    /**
     * Encodes a failure. Always called by the same thread, which may wait for a schema registry.
     */
    Outcome.Encoded encode(Outcome.Failed failed);
}
