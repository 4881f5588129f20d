package io.millrace.operators.inference;

import io.millrace.operators.record.FailureEncoder;
import io.millrace.operators.record.Outcome;
import java.util.function.Consumer;

/**
 * Has the failures of long records encoded by a thread of its own: a dead letter holds its whole
 * record, and the mailbox thread would be at it for milliseconds. Mailbox thread only.
 */
final class DeadLetters implements AutoCloseable {
    /** From here on encoding takes a noticeable part of a millisecond. */
    private static final int LONG_BYTES = 16 << 10;

    /**
     * What became of a failure.
     *
     * @param encoded null if it could not be encoded
     * @param fault null if it could
     */
    record Ready(InFlight record, Outcome.Encoded encoded, Throwable fault) {}

    private final FailureEncoder encoder;
    private final Consumer<Ready> ready;
    private final Lane lane;
    private int pending;

    /**
     * @param encoder null leaves all to the sink
     * @param ready called by the lane's thread
     */
    DeadLetters(FailureEncoder encoder, String task, Consumer<Ready> ready) {
        this.encoder = encoder;
        this.ready = ready;
        lane = new Lane("millrace-dead-letters of " + task);
    }

    /** Whether the mailbox thread shall leave this failure to the lane. */
    boolean takes(Outcome.Failed failed) {
        return encoder != null && failed.origin().value().length > LONG_BYTES;
    }

    /** Has the record's failure encoded; {@link #onReady} is to be called with what is ready. */
    void encode(InFlight record, Outcome.Failed failed) {
        pending++;
        lane.execute(() -> ready.accept(encode(encoder, record, failed)));
    }

    private static Ready encode(FailureEncoder encoder, InFlight record, Outcome.Failed failed) {
        try {
            return new Ready(record, encoder.encode(failed), null);
        } catch (RuntimeException | Error e) {
            return new Ready(record, null, e);
        }
    }

    /** Counts one less. What went wrong in encoding fails the task, as it does in the sink. */
    Outcome.Encoded onReady(Ready one) {
        pending--;
        if (one.fault() instanceof Error error) {
            throw error;
        } else if (one.fault() instanceof RuntimeException exception) {
            throw exception;
        }
        return one.encoded();
    }

    /** Failures that are being encoded. */
    int pending() {
        return pending;
    }

    @Override
    public void close() {
        lane.close();
    }
}
