package io.millrace.operators.kafka.sink;

import io.millrace.operators.kafka.admin.KafkaSettings;
import io.millrace.operators.record.Outcome;
import java.io.IOException;
import java.util.Collection;
import org.apache.flink.api.connector.sink2.Committer;
import org.apache.flink.api.connector.sink2.CommitterInitContext;
import org.apache.flink.api.connector.sink2.WriterInitContext;
import org.apache.flink.connector.kafka.sink.KafkaCommittable;
import org.apache.flink.connector.kafka.sink.KafkaSink;
import org.apache.flink.connector.kafka.sink.KafkaWriterState;
import org.apache.flink.connector.kafka.sink.TwoPhaseCommittingStatefulSink;
import org.apache.flink.core.io.SimpleVersionedSerializer;
import org.apache.flink.streaming.api.connector.sink2.CommittableMessage;
import org.apache.flink.streaming.api.connector.sink2.SupportsPostCommitTopology;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.lineage.LineageVertex;
import org.apache.flink.streaming.api.lineage.LineageVertexProvider;

/**
 * The connector's sink with checked commits and explained refusals: see {@link WatchedCommitter}
 * and {@link RefusedRecords}.
 */
public final class WatchedSink
        implements TwoPhaseCommittingStatefulSink<Outcome, KafkaWriterState, PendingTransaction>,
                SupportsPostCommitTopology<PendingTransaction>,
                LineageVertexProvider {
    private static final long serialVersionUID = 1L;

    private final KafkaSink<Outcome> sink;
    private final KafkaSink<Outcome> committing;
    private final KafkaSettings settings;
    private final RefusedRecords refused;
    private final int transactionTimeoutMs;

    /**
     * @param sink the sink that writes
     * @param committing the sink that commits; exactly-once, regardless of {@code sink}
     * @param serializer the serializer of {@code sink}
     */
    public WatchedSink(
            KafkaSink<Outcome> sink,
            KafkaSink<Outcome> committing,
            KafkaOutcomeSerializer serializer,
            KafkaSettings settings,
            int transactionTimeoutMs) {
        this.sink = sink;
        this.committing = committing;
        this.settings = settings;
        this.refused = new RefusedRecords(settings, serializer);
        this.transactionTimeoutMs = transactionTimeoutMs;
    }

    @Override
    public WatchedWriter createWriter(WriterInitContext context) throws IOException {
        refused.onAttempt(context.getTaskInfo().getAttemptNumber());
        RecordCounter counter = new RecordCounter();
        return new WatchedWriter(
                sink.createWriter(new WatchedWriterContext(context, counter, refused)),
                counter,
                refused);
    }

    @Override
    public WatchedWriter restoreWriter(
            WriterInitContext context, Collection<KafkaWriterState> states) throws IOException {
        refused.onAttempt(context.getTaskInfo().getAttemptNumber());
        RecordCounter counter = new RecordCounter();
        return new WatchedWriter(
                sink.restoreWriter(new WatchedWriterContext(context, counter, refused), states),
                counter,
                refused);
    }

    @Override
    public SimpleVersionedSerializer<KafkaWriterState> getWriterStateSerializer() {
        return sink.getWriterStateSerializer();
    }

    @Override
    public Committer<PendingTransaction> createCommitter(CommitterInitContext context)
            throws IOException {
        return new WatchedCommitter(
                committing.createCommitter(context), settings, transactionTimeoutMs, context);
    }

    @Override
    public SimpleVersionedSerializer<PendingTransaction> getCommittableSerializer() {
        return new PendingTransactionSerializer(committing.getCommittableSerializer());
    }

    /** The connector uses the stream's transformations only, not its type. */
    @Override
    @SuppressWarnings({"unchecked", "rawtypes"})
    public void addPostCommitTopology(DataStream<CommittableMessage<PendingTransaction>> stream) {
        sink.addPostCommitTopology(
                (DataStream<CommittableMessage<KafkaCommittable>>) (DataStream) stream);
    }

    @Override
    public LineageVertex getLineageVertex() {
        return sink.getLineageVertex();
    }
}
