package io.millrace.operators.kafka.sink;

import io.millrace.operators.record.Outcome;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import org.apache.flink.api.common.eventtime.Watermark;
import org.apache.flink.connector.kafka.sink.KafkaCommittable;
import org.apache.flink.connector.kafka.sink.KafkaWriterState;
import org.apache.flink.connector.kafka.sink.TwoPhaseCommittingStatefulSink.PrecommittingStatefulSinkWriter;
import org.apache.kafka.clients.producer.RecordMetadata;

/** Wraps the connector's writer to keep the position of each transaction's last record. */
final class WatchedWriter
        implements PrecommittingStatefulSinkWriter<Outcome, KafkaWriterState, PendingTransaction> {
    private final PrecommittingStatefulSinkWriter<Outcome, KafkaWriterState, KafkaCommittable>
            writer;
    private final RecordCounter counter;
    private final RefusedRecords refused;

    WatchedWriter(
            PrecommittingStatefulSinkWriter<Outcome, KafkaWriterState, KafkaCommittable> writer,
            RecordCounter counter,
            RefusedRecords refused) {
        this.writer = writer;
        this.counter = counter;
        this.refused = refused;
    }

    /** Flink flushes before this call, so the position of each record is known. */
    @Override
    public Collection<PendingTransaction> prepareCommit() throws IOException, InterruptedException {
        List<PendingTransaction> pending = new ArrayList<>(1);
        for (KafkaCommittable committable : writer.prepareCommit()) {
            RecordMetadata last = counter.last();
            if (last == null) {
                throw new IllegalStateException(
                        "Transaction "
                                + committable.getTransactionalId()
                                + " has records, but the producer told of none.");
            }
            pending.add(
                    new PendingTransaction(
                            committable,
                            counter.records(),
                            last.topic(),
                            last.partition(),
                            last.offset()));
        }
        counter.reset();
        refused.onFlushed();
        return pending;
    }

    @Override
    public void write(Outcome outcome, Context context) throws IOException, InterruptedException {
        try {
            writer.write(outcome, context);
        } catch (IOException | RuntimeException e) {
            throw explained(e);
        }
    }

    @Override
    public void flush(boolean endOfInput) throws IOException, InterruptedException {
        try {
            writer.flush(endOfInput);
        } catch (IOException | RuntimeException e) {
            throw explained(e);
        }
    }

    private IOException explained(Exception failure) throws IOException {
        Exception explained = refused.explained(failure);
        if (explained instanceof RuntimeException unchecked) {
            throw unchecked;
        }
        throw (IOException) explained;
    }

    @Override
    public void writeWatermark(Watermark watermark) throws IOException, InterruptedException {
        writer.writeWatermark(watermark);
    }

    @Override
    public List<KafkaWriterState> snapshotState(long checkpointId) throws IOException {
        return writer.snapshotState(checkpointId);
    }

    @Override
    public void close() throws Exception {
        writer.close();
    }
}
