package io.millrace.operators.kafka.input;

import io.millrace.operators.kafka.admin.ClientProperties;
import io.millrace.operators.kafka.admin.KafkaSettings;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Finds positions after which there are only transaction markers and aborted records, which readers
 * skip. The connector's position is after the last record that it read. Once retention has deleted
 * the markers too, it would look as if records were lost.
 *
 * <p>A check reads committed records from the position up to the last stable offset; if there are
 * none, that offset is an equivalent position. A separate thread checks.
 */
public final class IdlePositions implements InputReader.Idle {
    private static final Logger LOG = LoggerFactory.getLogger(IdlePositions.class);
    private static final Duration POLL = Duration.ofMillis(200);
    private static final long PATIENCE_NANOS = TimeUnit.SECONDS.toNanos(10);
    private static final long THREAD_SECONDS = 10;

    /** A position without records up to an offset. */
    private record Passed(long position, long end) {}

    private final KafkaSettings settings;
    private final long intervalNanos;
    private final Map<TopicPartition, Passed> passed = new ConcurrentHashMap<>();
    private final AtomicBoolean looking = new AtomicBoolean();
    private final AtomicBoolean closed = new AtomicBoolean();
    private final ThreadPoolExecutor thread;
    private long lastNanos;

    /**
     * @param interval minimum time between two checks
     */
    public IdlePositions(KafkaSettings settings, Duration interval) {
        this.settings = settings;
        this.intervalNanos = interval.toNanos();
        this.lastNanos = System.nanoTime();
        this.thread =
                new ThreadPoolExecutor(
                        1,
                        1,
                        THREAD_SECONDS,
                        TimeUnit.SECONDS,
                        new LinkedBlockingQueue<>(),
                        task -> {
                            Thread made = new Thread(task, "millrace-idle-positions");
                            made.setDaemon(true);
                            return made;
                        });
        thread.allowCoreThreadTimeOut(true);
    }

    @Override
    public void look(Map<TopicPartition, Long> positions) {
        if (positions.isEmpty()
                || System.nanoTime() - lastNanos < intervalNanos
                || !looking.compareAndSet(false, true)) {
            return;
        }
        lastNanos = System.nanoTime();
        thread.execute(
                () -> {
                    try {
                        find(positions);
                    } catch (KafkaException e) {
                        // The next check may succeed.
                        LOG.debug("Idle positions are not looked at", e);
                    } finally {
                        looking.set(false);
                    }
                });
    }

    @Override
    public long behind(TopicPartition partition, long position) {
        Passed known = passed.get(partition);
        return known != null && known.position() == position ? known.end() : position;
    }

    private void find(Map<TopicPartition, Long> positions) {
        Properties properties =
                ClientProperties.consumer(settings.bootstrapServers(), settings.client());
        properties.setProperty(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "none");
        properties.setProperty(ConsumerConfig.ENABLE_AUTO_COMMIT_CONFIG, "false");
        ByteArrayDeserializer bytes = new ByteArrayDeserializer();
        try (KafkaConsumer<byte[], byte[]> consumer =
                new KafkaConsumer<>(properties, bytes, bytes)) {
            Map<TopicPartition, Long> ends = new HashMap<>();
            consumer.endOffsets(positions.keySet())
                    .forEach(
                            (partition, end) -> {
                                if (end > behind(partition, positions.get(partition))) {
                                    ends.put(partition, end);
                                }
                            });
            consumer.assign(ends.keySet());
            ends.keySet().forEach(each -> consumer.seek(each, positions.get(each)));
            long start = System.nanoTime();
            while (!ends.isEmpty() && !closed.get() && System.nanoTime() - start < PATIENCE_NANOS) {
                // A partition with a record will be read by the job.
                ends.keySet().removeAll(consumer.poll(POLL).partitions());
                List<TopicPartition> done = new ArrayList<>();
                ends.forEach(
                        (partition, end) -> {
                            if (consumer.position(partition) >= end) {
                                passed.put(partition, new Passed(positions.get(partition), end));
                                done.add(partition);
                            }
                        });
                ends.keySet().removeAll(done);
                consumer.assign(ends.keySet());
            }
        }
    }

    @Override
    public void close() {
        closed.set(true);
        thread.shutdownNow();
        boolean interrupted = Thread.interrupted();
        try {
            thread.awaitTermination(THREAD_SECONDS, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            interrupted = true;
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
