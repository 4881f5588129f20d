package io.millrace.operators;

import io.millrace.operators.record.Inbound;
import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.apache.flink.api.common.eventtime.Watermark;
import org.apache.flink.api.connector.source.Boundedness;
import org.apache.flink.api.connector.source.ReaderOutput;
import org.apache.flink.api.connector.source.Source;
import org.apache.flink.api.connector.source.SourceOutput;
import org.apache.flink.api.connector.source.SourceReader;
import org.apache.flink.api.connector.source.SourceReaderContext;
import org.apache.flink.api.connector.source.SplitEnumerator;
import org.apache.flink.api.connector.source.SplitEnumeratorContext;
import org.apache.flink.api.connector.source.lib.NumberSequenceSource;
import org.apache.flink.api.connector.source.lib.NumberSequenceSource.NumberSequenceSplit;
import org.apache.flink.core.io.InputStatus;
import org.apache.flink.core.io.SimpleVersionedSerializer;
import org.apache.flink.util.function.SerializableFunction;

/** Requests made from the numbers 0 to count-1; an unbounded one waits for ever after the last. */
public final class TestingSource
        implements Source<Inbound, NumberSequenceSplit, Collection<NumberSequenceSplit>> {
    private static final long serialVersionUID = 1L;

    private final NumberSequenceSource numbers;
    private final SerializableFunction<Long, Inbound> requests;
    private final boolean bounded;
    private long intervalNanos;

    public TestingSource(
            long count, boolean bounded, SerializableFunction<Long, Inbound> requests) {
        this.numbers = new NumberSequenceSource(0, count - 1);
        this.requests = requests;
        this.bounded = bounded;
    }

    /** One request becomes available each {@code interval}; what the reader missed it makes up. */
    public TestingSource every(Duration interval) {
        intervalNanos = interval.toNanos();
        return this;
    }

    @Override
    public Boundedness getBoundedness() {
        return bounded ? Boundedness.BOUNDED : Boundedness.CONTINUOUS_UNBOUNDED;
    }

    @Override
    public SplitEnumerator<NumberSequenceSplit, Collection<NumberSequenceSplit>> createEnumerator(
            SplitEnumeratorContext<NumberSequenceSplit> context) {
        return numbers.createEnumerator(context);
    }

    @Override
    public SplitEnumerator<NumberSequenceSplit, Collection<NumberSequenceSplit>> restoreEnumerator(
            SplitEnumeratorContext<NumberSequenceSplit> context,
            Collection<NumberSequenceSplit> checkpoint) {
        return numbers.restoreEnumerator(context, checkpoint);
    }

    @Override
    public SimpleVersionedSerializer<NumberSequenceSplit> getSplitSerializer() {
        return numbers.getSplitSerializer();
    }

    @Override
    public SimpleVersionedSerializer<Collection<NumberSequenceSplit>>
            getEnumeratorCheckpointSerializer() {
        return numbers.getEnumeratorCheckpointSerializer();
    }

    @Override
    public SourceReader<Inbound, NumberSequenceSplit> createReader(SourceReaderContext context) {
        return new Reader(numbers.createReader(context));
    }

    private final class Reader implements SourceReader<Inbound, NumberSequenceSplit> {
        private final SourceReader<Long, NumberSequenceSplit> reader;
        private boolean exhausted;
        private final long begun = System.nanoTime();
        private long polls;

        Reader(SourceReader<Long, NumberSequenceSplit> reader) {
            this.reader = reader;
        }

        @Override
        public void start() {
            reader.start();
        }

        @Override
        public InputStatus pollNext(ReaderOutput<Inbound> output) throws Exception {
            if (exhausted || untilNext() > 0) {
                return InputStatus.NOTHING_AVAILABLE;
            }
            polls++;
            InputStatus status = reader.pollNext(new Output(output));
            if (status == InputStatus.END_OF_INPUT && !bounded) {
                exhausted = true;
                return InputStatus.NOTHING_AVAILABLE;
            }
            return status;
        }

        /** Nanoseconds. */
        private long untilNext() {
            return intervalNanos == 0 ? 0 : begun + polls * intervalNanos - System.nanoTime();
        }

        @Override
        public CompletableFuture<Void> isAvailable() {
            long wait = untilNext();
            if (wait > 0) {
                return CompletableFuture.runAsync(
                        () -> {}, CompletableFuture.delayedExecutor(wait, TimeUnit.NANOSECONDS));
            }
            return exhausted ? new CompletableFuture<>() : reader.isAvailable();
        }

        @Override
        public List<NumberSequenceSplit> snapshotState(long checkpointId) {
            return reader.snapshotState(checkpointId);
        }

        @Override
        public void addSplits(List<NumberSequenceSplit> splits) {
            reader.addSplits(splits);
        }

        @Override
        public void notifyNoMoreSplits() {
            reader.notifyNoMoreSplits();
        }

        @Override
        public void close() throws Exception {
            reader.close();
        }
    }

    private final class Output implements ReaderOutput<Long> {
        private final ReaderOutput<Inbound> output;

        Output(ReaderOutput<Inbound> output) {
            this.output = output;
        }

        @Override
        public void collect(Long number) {
            output.collect(requests.apply(number));
        }

        @Override
        public void collect(Long number, long timestamp) {
            output.collect(requests.apply(number), timestamp);
        }

        @Override
        public void emitWatermark(Watermark watermark) {
            output.emitWatermark(watermark);
        }

        @Override
        public void markIdle() {
            output.markIdle();
        }

        @Override
        public void markActive() {
            output.markActive();
        }

        @Override
        public SourceOutput<Long> createOutputForSplit(String splitId) {
            return this;
        }

        @Override
        public void releaseOutputForSplit(String splitId) {}
    }
}
