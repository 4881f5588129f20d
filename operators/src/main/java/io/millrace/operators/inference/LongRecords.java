package io.millrace.operators.inference;

import io.millrace.operators.record.FailureEncoder;
import io.millrace.operators.record.Inbound;
import io.millrace.operators.record.Outcome;
import io.millrace.operators.request.RequestValidator;
import java.util.function.Consumer;
import java.util.function.Supplier;

/**
 * Has long records looked through by a thread of its own, in order: read when they come, and
 * encoded once more when they fail, since a dead letter holds its record. The mailbox thread would
 * be at it for milliseconds each time. Called by the mailbox thread only.
 */
final class LongRecords implements AutoCloseable {
    private final RequestValidator validator;
    private final FailureEncoder encoder;
    private final Consumer<Runnable> mailbox;
    private final Lane lane;
    private int pending;

    /**
     * @param encoder null leaves failures to the sink
     * @param mailbox has what is ready run by the mailbox thread; called by the lane's
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

    /** Readies for long records what is slow at first. */
    void warmUp() {
        lane.execute(WarmUp::run);
    }

    /**
     * Has a record read and checked.
     *
     * @param then takes what it is: a request, or rejected
     */
    void read(Inbound.Unread record, Consumer<Inbound> then) {
        execute(() -> validator.map(record.read()), then);
    }

    /** Whether a failure is left to this, else the sink encodes it. */
    boolean encodes(Outcome.Failed failed) {
        return encoder != null && failed.origin().isLong();
    }

    /** Has a failure encoded. */
    void encode(Outcome.Failed failed, Consumer<Outcome.Failed> then) {
        execute(() -> failed.with(encoder.encode(failed)), then);
    }

    private <T> void execute(Supplier<T> work, Consumer<T> then) {
        pending++;
        lane.execute(() -> mailbox.accept(run(work, then)));
    }

    /** What goes wrong fails the task, as it does in the source and in the sink. */
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
