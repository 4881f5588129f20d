package io.millrace.jobs.stream;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.util.Collections.disjoint;

import io.millrace.jobs.cli.CommandFailedException;
import io.millrace.jobs.cli.KafkaArguments;
import io.millrace.jobs.cli.Progress;
import io.millrace.jobs.cli.VerboseArgument;
import io.millrace.jobs.cli.config.ConfigArgument;
import io.millrace.jobs.cli.config.ConfiguredArguments;
import io.millrace.jobs.cli.job.JobArguments;
import io.millrace.operators.kafka.admin.ClientProperties;
import io.millrace.operators.kafka.admin.OwnedSetting;
import io.millrace.operators.request.RequestFaults;
import io.millrace.schemas.InferenceRequest;
import io.millrace.schemas.codec.FormatSettings;
import io.millrace.schemas.codec.Reading;
import io.millrace.schemas.codec.RecordCodec;
import io.millrace.schemas.codec.json.JsonTree;
import io.millrace.schemas.codec.record.CodecException;
import io.millrace.schemas.codec.record.Draft;
import io.millrace.schemas.codec.record.RecordType;
import io.millrace.schemas.codec.record.WireFormat;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Properties;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.errors.RecordTooLargeException;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Sends a file of requests to a topic and waits for the acknowledgements of the brokers. */
@Command(
        name = "submit",
        preprocessor = ConfiguredArguments.class,
        abbreviateSynopsis = true,
        sortOptions = false,
        showDefaultValues = true,
        description = {
            "Writes requests to a topic, from a file of JSON lines such as"
                    + " {\"id\":\"1\",\"prompt\":\"hi\"}, or with --text of prompts, one per line.",
            "Lines that the job would refuse, that are not UTF-8 or that are too large for the topic"
                    + " are reported with all their faults and skipped; the exit code is then 1. Only"
                    + " the job checks what depends on the model (its name, its context)."
        })
public final class SubmitCommand implements Callable<Integer> {
    private static final int BAD_LINES_SHOWN = 20;

    /** A line of JSON is longer than its record: \\u0041 is one byte. */
    private static final int LINE_FACTOR = 8;

    private static final int LEAST_LINE = 1 << 20;

    @Mixin private KafkaArguments kafka = new KafkaArguments();
    @Mixin private JobArguments.FormatArguments format = new JobArguments.FormatArguments();
    @Mixin private VerboseArgument verbose = new VerboseArgument();
    @Mixin private ConfigArgument config = new ConfigArgument();

    @Parameters(index = "0", paramLabel = "FILE", description = "The file; - is standard input.")
    private String file;

    @Option(
            names = "--topic",
            paramLabel = "TOPIC",
            defaultValue = "prompts",
            description = "Topic that the job reads.")
    private String topic;

    @Option(names = "--text", description = "Takes each line as a prompt.")
    private boolean text;

    @Option(
            names = "--raw",
            description =
                    "Each line is an event, a JSON object of any fields, and is sent as it stands,"
                            + " without a key.")
    private boolean raw;

    @Option(
            names = "--id-prefix",
            paramLabel = "PREFIX",
            description =
                    "With --text, ids are this prefix and the line number (default: the file's name"
                            + " and a dash).")
    private String idPrefix;

    @Option(
            names = "--max-tokens",
            paramLabel = "COUNT",
            description = "Maximum tokens to generate, for requests without max_tokens.")
    private Integer maxTokens;

    private final Progress progress = new Progress(System.out);
    private final AtomicLong acknowledged = new AtomicLong();
    private final AtomicReference<Exception> failure = new AtomicReference<>();

    /** Guarded by this: the producer's thread counts too. */
    private long bad;

    @Override
    public Integer call() throws IOException {
        FormatSettings settings = format.settings();
        if (raw && (text || maxTokens != null || settings.format() != WireFormat.JSON)) {
            throw new CommandFailedException(
                    "--raw sends lines as they stand: leave %s out."
                            .formatted(
                                    text
                                            ? "--text"
                                            : maxTokens != null ? "--max-tokens" : "--format"));
        }
        ProducerLimits limits;
        try {
            OwnedSetting.checkAcks(kafka.clientSettings());
            limits = ProducerLimits.of(kafka.clientSettings());
        } catch (IllegalArgumentException e) {
            throw new CommandFailedException(e.getMessage(), e);
        }
        try (Brokers brokers = Brokers.connect(kafka)) {
            brokers.partitions(List.of(topic));
            limits = limits.forTopic(topic, brokers.maxMessageBytes(topic));
        }
        Properties properties =
                ClientProperties.producer(kafka.bootstrapServers, kafka.clientSettings());
        properties.put(ProducerConfig.ACKS_CONFIG, "all");
        properties.putIfAbsent(ProducerConfig.LINGER_MS_CONFIG, "10");
        properties.put(ProducerConfig.BATCH_SIZE_CONFIG, limits.batchBytes());
        long start = System.nanoTime();
        long sent;
        try (RequestLines lines = open(limits);
                KafkaProducer<byte[], byte[]> producer =
                        new KafkaProducer<>(
                                properties, new ByteArraySerializer(), new ByteArraySerializer())) {
            sent =
                    send(
                            lines,
                            producer,
                            limits,
                            RecordCodec.open(RecordType.REQUEST, settings, topic));
            producer.flush();
        }
        if (failure.get() != null) {
            throw new CommandFailedException(
                    "Only "
                            + acknowledged.get()
                            + " of "
                            + sent
                            + " requests were taken by "
                            + topic
                            + ": "
                            + failure.get().getMessage(),
                    failure.get());
        }
        long left = badLines();
        progress.plain(
                String.format(
                        Locale.ROOT,
                        "%d requests are on topic %s (%.1f s)%s",
                        acknowledged.get(),
                        topic,
                        (System.nanoTime() - start) / 1e9,
                        left == 0 ? "" : ", " + left + " bad lines were left out"));
        return left == 0 ? 0 : 1;
    }

    private RequestLines open(ProducerLimits limits) throws IOException {
        try {
            InputStream in = file.equals("-") ? System.in : Files.newInputStream(Path.of(file));
            long most = Math.max(LEAST_LINE, (long) LINE_FACTOR * limits.recordBytes());
            return new RequestLines(in, (int) Math.min(most, Integer.MAX_VALUE / 2));
        } catch (NoSuchFileException e) {
            throw new CommandFailedException("There is no file " + file + ".", e);
        }
    }

    private long send(
            RequestLines lines,
            KafkaProducer<byte[], byte[]> producer,
            ProducerLimits limits,
            RecordCodec<InferenceRequest> codec)
            throws IOException {
        Reading<InferenceRequest> json = Reading.json(RecordType.REQUEST);
        codec.prepare();
        long sent = 0;
        while (failure.get() == null && lines.next()) {
            long number = lines.number();
            Draft<InferenceRequest> draft;
            try {
                String line = lines.text();
                if (line.isBlank()) {
                    continue;
                }
                if (raw) {
                    sent += sendEvent(line, number, producer, limits);
                    continue;
                }
                draft = text ? prompt(line, number) : json.draft(line.getBytes(UTF_8));
            } catch (RequestLines.BadLineException e) {
                reportBad(number, List.of(e.getMessage()));
                continue;
            }
            InferenceRequest request = draft.record();
            if (maxTokens != null && request != null && request.getMaxTokens() == null) {
                request.setMaxTokens(maxTokens);
            }
            List<String> faults = faults(draft);
            if (!faults.isEmpty()) {
                reportBad(number, faults);
                continue;
            }
            byte[] key = request.getId().getBytes(UTF_8);
            sent += send(key, codec.encode(request), number, producer, limits);
        }
        return sent;
    }

    private int sendEvent(
            String line,
            long number,
            KafkaProducer<byte[], byte[]> producer,
            ProducerLimits limits) {
        byte[] event = line.getBytes(UTF_8);
        try {
            JsonTree.read(event, null);
        } catch (CodecException e) {
            reportBad(number, List.of(e.getMessage()));
            return 0;
        }
        return send(null, event, number, producer, limits);
    }

    /** How many records were sent: one, or none if it is too large. */
    private int send(
            byte[] key,
            byte[] value,
            long number,
            KafkaProducer<byte[], byte[]> producer,
            ProducerLimits limits) {
        ProducerRecord<byte[], byte[]> record = new ProducerRecord<>(topic, key, value);
        String tooLarge = limits.reasonAgainst(record);
        if (tooLarge != null) {
            reportBad(number, List.of(tooLarge));
            return 0;
        }
        producer.send(record, (metadata, e) -> onSent(number, e));
        return 1;
    }

    /** Called on the producer's thread. */
    private void onSent(long number, Exception e) {
        if (e == null) {
            acknowledged.incrementAndGet();
        } else if (e instanceof RecordTooLargeException) {
            reportBad(number, List.of("the record is too large: " + e.getMessage()));
        } else {
            failure.compareAndSet(null, e);
        }
    }

    private Draft<InferenceRequest> prompt(String prompt, long number) {
        String prefix = idPrefix;
        if (prefix == null) {
            prefix = file.equals("-") ? "line-" : Path.of(file).getFileName() + "-";
        }
        InferenceRequest request =
                InferenceRequest.newBuilder().setId(prefix + number).setPrompt(prompt).build();
        return new Draft<>(request, List.of(), Set.of());
    }

    /** All faults that the job would find, except the model's name, which only the job knows. */
    private static List<String> faults(Draft<InferenceRequest> draft) {
        List<String> faults = new ArrayList<>();
        draft.faults().forEach(fault -> faults.add(fault.getMessage()));
        if (draft.record() != null) {
            RequestFaults.of(draft.record(), null).stream()
                    .filter(fault -> disjoint(draft.unread(), fault.fields()))
                    .forEach(fault -> faults.add(fault.message()));
        }
        return faults;
    }

    private synchronized long badLines() {
        return bad;
    }

    private synchronized void reportBad(long number, List<String> faults) {
        bad++;
        if (bad <= BAD_LINES_SHOWN) {
            faults.forEach(fault -> System.err.println("line " + number + ": " + fault));
        } else if (bad == BAD_LINES_SHOWN + 1) {
            System.err.println("More bad lines are counted, not shown.");
        }
    }
}
