package io.millrace.operators.inference;

import io.millrace.operators.record.FailureEncoder;
import io.millrace.operators.record.Inbound;
import io.millrace.operators.record.Outcome;
import io.millrace.operators.request.RequestValidator;
import java.util.function.Consumer;
import java.util.function.Supplier;

/**
 * Processes long records on a separate thread, in order: reads them on arrival, and encodes them
 * again when they fail, since a dead letter contains its record. Each would block the mailbox
 * thread for milliseconds. Called by the mailbox thread only.
 */
final class LongRecords implements AutoCloseable {
    private final RequestValidator validator;
    private final FailureEncoder encoder;
    private final Consumer<Runnable> mailbox;
    private final Lane lane;
    private int pending;

    /**
     * @param encoder null leaves failures to the sink
     * @param mailbox runs results on the mailbox thread; called by the lane's thread
     */
    LongRecords(
            RequestValidator validator,
            FailureEncoder encoder,
            String task,
            Consumer<Runnable> mailbox) {
        this.validator = validator;
        this.encoder = encoder;
        this.mailbox = mailbox;
        lane = new Lane("millrace-long-records of " + task);
    }

    /** Warms up the code for long records. */
    void warmUp() {
        lane.execute(WarmUp::run);
    }

    /**
     * Reads and checks a record.
     *
     * @param then consumes the result: a request or a rejection
     */
    void read(Inbound.Unread record, Consumer<Inbound> then) {
        execute(() -> validator.map(record.read()), then);
    }

    /** Whether a failure is encoded here; otherwise the sink encodes it. */
    boolean encodes(Outcome.Failed failed) {
        return encoder != null && failed.origin().isLong();
    }

    /** Encodes a failure. */
    void encode(Outcome.Failed failed, Consumer<Outcome.Failed> then) {
        execute(() -> failed.with(encoder.encode(failed)), then);
    }

    private <T> void execute(Supplier<T> work, Consumer<T> then) {
        pending++;
        lane.execute(() -> mailbox.accept(run(work, then)));
    }

    /** An exception fails the task, as in the source and in the sink. */
    private <T> Runnable run(Supplier<T> work, Consumer<T> then) {
        try {
            T done = work.get();
            return () -> {
                pending--;
                then.accept(done);
            };
        } catch (RuntimeException e) {
            return () -> {
                throw e;
            };
        } catch (Error e) {
            return () -> {
                throw e;
            };
        }
    }

    /** Records that are being read, and failures that are being encoded. */
    int pending() {
        return pending;
    }

    @Override
    public void close() {
        lane.close();
    }
}
