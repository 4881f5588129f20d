package io.millrace.operators.kafka.sink;

import org.apache.flink.api.connector.sink2.Committer.CommitRequest;
import org.apache.flink.connector.kafka.sink.KafkaCommittable;
import org.apache.kafka.common.errors.InvalidPidMappingException;

/** A commit request that delays a refusal until its meaning is known. */
final class WatchedRequest implements CommitRequest<KafkaCommittable> {
    private final CommitRequest<PendingTransaction> request;
    private Throwable refusal;

    WatchedRequest(CommitRequest<PendingTransaction> request) {
        this.request = request;
    }

    /** Why Kafka refuses this commit for good, or null. */
    Throwable refusal() {
        return refusal;
    }

    PendingTransaction transaction() {
        return request.getCommittable();
    }

    /** Completes the request as failed: its records are lost. */
    void failAsLost() {
        request.signalFailedWithKnownReason(refusal);
    }

    /** Completes the request as done: an earlier attempt had committed it. */
    void completeAsCommitted() {
        request.signalAlreadyCommitted();
    }

    @Override
    public KafkaCommittable getCommittable() {
        return request.getCommittable().committable();
    }

    @Override
    public int getNumberOfRetries() {
        return request.getNumberOfRetries();
    }

    @Override
    public void signalFailedWithKnownReason(Throwable reason) {
        refusal = reason;
    }

    @Override
    public void signalFailedWithUnknownReason(Throwable reason) {
        // Brokers forget an id a week after its last transaction, so the commit may have
        // succeeded.
        if (reason instanceof InvalidPidMappingException) {
            refusal = reason;
        } else {
            request.signalFailedWithUnknownReason(reason);
        }
    }

    @Override
    public void retryLater() {
        request.retryLater();
    }

    @Override
    public void updateAndRetryLater(KafkaCommittable changed) {
        PendingTransaction old = request.getCommittable();
        request.updateAndRetryLater(
                new PendingTransaction(
                        changed, old.records(), old.topic(), old.partition(), old.offset()));
    }

    @Override
    public void signalAlreadyCommitted() {
        request.signalAlreadyCommitted();
    }
}
