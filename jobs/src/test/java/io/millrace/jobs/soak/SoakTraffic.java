package io.millrace.jobs.soak;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.millrace.jobs.stream.TestingClients;
import io.millrace.schemas.FailureCode;
import java.time.Duration;
import java.util.BitSet;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/**
 * Sends requests at a steady pace, and reads what is committed: each request has one answer, and
 * each that names another model one failure. Two threads of its own.
 */
final class SoakTraffic implements AutoCloseable {
    static final int TOKENS = 12;

    /** One of so many requests names a model that the job does not run. */
    private static final int FAILING = 997;

    private static final List<String> WORDS =
            List.of("Lowest", "mortgage", "rates", "reply", "today", "patch", "compiler", "broken");
    private static final long TICK_NANOS = TimeUnit.MILLISECONDS.toNanos(20);
    private static final Duration POLL = Duration.ofMillis(200);

    private final String servers;
    private final int total;
    private final double perSecond;
    private final long seed;
    private final BitSet seen;
    private final AtomicLong answered = new AtomicLong();
    private final AtomicLong failed = new AtomicLong();
    private final AtomicReference<Throwable> fault = new AtomicReference<>();
    private final Thread sender = new Thread(() -> guarded(this::send), "soak sender");
    private final Thread reader = new Thread(() -> guarded(this::read), "soak reader");
    private final JsonMapper json = new JsonMapper();
    private volatile boolean closed;

    private interface Work {
        void run() throws Exception;
    }

    SoakTraffic(String servers, int total, double perSecond, long seed) {
        this.servers = servers;
        this.total = total;
        this.perSecond = perSecond;
        this.seed = seed;
        seen = new BitSet(total);
    }

    void start() {
        sender.start();
        reader.start();
    }

    /** Requests with an answer or a failure that a committed reader has seen. */
    long done() throws Exception {
        if (fault.get() != null) {
            throw new IllegalStateException(fault.get());
        }
        return answered.get() + failed.get();
    }

    long failed() {
        return failed.get();
    }

    private void guarded(Work work) {
        try {
            work.run();
        } catch (Exception | AssertionError e) {
            if (!closed) {
                fault.compareAndSet(null, e);
            }
        }
    }

    private void send() {
        Random random = new Random(seed);
        try (KafkaProducer<byte[], byte[]> producer =
                TestingClients.producer(servers, null, Map.of("linger.ms", "5"))) {
            long start = System.nanoTime();
            for (int sent = 0; sent < total && !closed; ) {
                double due = perSecond * (System.nanoTime() - start) / 1e9;
                for (; sent < Math.min(total, due); sent++) {
                    producer.send(request(sent, random));
                }
                LockSupport.parkNanos(TICK_NANOS);
            }
        }
    }

    private static ProducerRecord<byte[], byte[]> request(int number, Random random) {
        StringBuilder prompt = new StringBuilder();
        for (int i = 0; i < 20; i++) {
            prompt.append(WORDS.get(random.nextInt(WORDS.size()))).append(' ');
        }
        String id = "%08d".formatted(number);
        String value =
                "{\"id\":\"%s\",\"prompt\":\"%s\",\"max_tokens\":%d%s}"
                        .formatted(
                                id, prompt, TOKENS, fails(number) ? ",\"model\":\"another\"" : "");
        return new ProducerRecord<>("prompts", id.getBytes(UTF_8), value.getBytes(UTF_8));
    }

    private static boolean fails(int number) {
        return number % FAILING == 0;
    }

    private void read() throws Exception {
        Properties settings = new Properties();
        settings.setProperty("bootstrap.servers", servers);
        settings.setProperty("isolation.level", "read_committed");
        settings.setProperty("auto.offset.reset", "earliest");
        settings.setProperty("group.id", "soak-reader");
        try (KafkaConsumer<byte[], byte[]> consumer =
                new KafkaConsumer<>(
                        settings, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
            consumer.subscribe(List.of("answers", "dead-letters"));
            while (!closed) {
                for (ConsumerRecord<byte[], byte[]> record : consumer.poll(POLL)) {
                    count(record);
                }
            }
        }
    }

    private void count(ConsumerRecord<byte[], byte[]> record) throws Exception {
        JsonNode value = json.readTree(record.value());
        int number = Integer.parseInt(value.path("id").asText());
        if (seen.get(number)) {
            throw new AssertionError("Request " + number + " was answered twice: " + value);
        }
        seen.set(number);
        boolean asExpected =
                fails(number)
                        ? value.path("code").asText().equals(FailureCode.UNKNOWN_MODEL.wireName())
                        : value.path("completions").path(0).path("token_ids").size() == TOKENS;
        if (!asExpected) {
            throw new AssertionError("Request " + number + " has another answer: " + value);
        }
        (fails(number) ? failed : answered).incrementAndGet();
    }

    @Override
    public void close() throws InterruptedException {
        closed = true;
        sender.join();
        reader.join();
    }
}
