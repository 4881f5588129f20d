package io.millrace.operators.kafka.sink;

import io.millrace.operators.kafka.admin.KafkaSettings;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.OptionalLong;
import org.apache.flink.api.connector.sink2.Committer;
import org.apache.flink.api.connector.sink2.CommitterInitContext;
import org.apache.flink.connector.kafka.sink.KafkaCommittable;
import org.apache.flink.metrics.Counter;
import org.apache.flink.runtime.execution.SuppressRestartsException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Wraps the connector's committer so that no results are lost silently: if Kafka finally refuses a
 * commit, it checks whether the records are committed nevertheless.
 *
 * <p>A refusal only means that the transactional id was used again. After a restore that is usual
 * (an earlier attempt committed, and then used the id again), or all its records are lost (the
 * broker aborted the transaction after its timeout). The records show which.
 */
final class WatchedCommitter implements Committer<PendingTransaction> {
    private static final Logger LOG = LoggerFactory.getLogger(WatchedCommitter.class);

    /** Longer than a restored writer takes to end transactions before ours. */
    private static final Duration PATIENCE = Duration.ofSeconds(60);

    private final Committer<KafkaCommittable> committer;
    private final KafkaSettings settings;
    private final int transactionTimeoutMs;
    private final OptionalLong restored;
    private final Counter lostTransactions;
    private final Counter lostRecords;

    WatchedCommitter(
            Committer<KafkaCommittable> committer,
            KafkaSettings settings,
            int transactionTimeoutMs,
            CommitterInitContext context) {
        this.committer = committer;
        this.settings = settings;
        this.transactionTimeoutMs = transactionTimeoutMs;
        this.restored = context.getRestoredCheckpointId();
        this.lostTransactions = context.metricGroup().counter("lost_transactions");
        this.lostRecords = context.metricGroup().counter("lost_records");
    }

    @Override
    public void commit(Collection<CommitRequest<PendingTransaction>> requests)
            throws IOException, InterruptedException {
        List<WatchedRequest> watched = requests.stream().map(WatchedRequest::new).toList();
        committer.commit(new ArrayList<>(watched));
        List<WatchedRequest> refused =
                watched.stream().filter(request -> request.refusal() != null).toList();
        if (refused.isEmpty()) {
            return;
        }
        List<WatchedRequest> lost = new ArrayList<>();
        try (CommittedRecords records = new CommittedRecords(settings, PATIENCE)) {
            for (WatchedRequest request : refused) {
                PendingTransaction pending = request.transaction();
                if (pending.topic() == null) {
                    LOG.warn(
                            "{} is refused, and state of the first form does not say where its"
                                    + " records are: they were committed before, or are lost",
                            pending.committable());
                    request.failAsLost();
                } else if (records.contains(
                        pending.topic(), pending.partition(), pending.offset())) {
                    request.completeAsCommitted();
                } else {
                    lost.add(request);
                }
            }
        }
        if (!lost.isEmpty()) {
            onLost(lost);
        }
    }

    private void onLost(List<WatchedRequest> lost) {
        LostTransactionsException failure = failure(lost);
        if (!settings.acceptLostTransactions()) {
            // Another attempt would fail in the same way.
            throw new SuppressRestartsException(failure);
        }
        LOG.warn("Goes on as --accept-lost-transactions asks. {}", failure.getMessage());
        for (WatchedRequest request : lost) {
            lostTransactions.inc();
            lostRecords.inc(request.transaction().records());
            request.failAsLost();
        }
    }

    private LostTransactionsException failure(List<WatchedRequest> lost) {
        long records = lost.stream().mapToLong(request -> request.transaction().records()).sum();
        LostTransactionsException failure =
                new LostTransactionsException(
                        lost.size(), records, settings, transactionTimeoutMs, restored);
        lost.forEach(request -> failure.addSuppressed(request.refusal()));
        return failure;
    }

    @Override
    public void close() throws Exception {
        committer.close();
    }
}
