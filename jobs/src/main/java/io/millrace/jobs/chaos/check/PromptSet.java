package io.millrace.jobs.chaos.check;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.millrace.schemas.InferenceRequest;
import io.millrace.schemas.codec.FormatSettings;
import io.millrace.schemas.codec.RecordCodec;
import io.millrace.schemas.codec.record.RecordType;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Random;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * The records of an input topic: requests of 16 to 64 tokens for 32 more, greedy and sampled, some
 * of them long and some that cannot be answered. They are the same for every plan, so that one
 * undisturbed run is the reference of all others.
 */
public final class PromptSet {
    /** The input topic: failures name it, so it must be the same in each run. */
    public static final String TOPIC = "prompts";

    public static final int PARTITIONS = 4;
    static final int MIN_TOKENS = 16;
    static final int MAX_TOKENS = 64;
    public static final int NEW_TOKENS = 32;

    /** Index, in each hundred, of the record with tens of thousands of characters in few tokens. */
    private static final int LONG = 77;

    /** Characters of which the tokenizer has tokens of 64. */
    private static final String LONG_CHARACTERS = "-_=*";

    private static final int LEAST_LONG = 25_000;
    private static final int MOST_LONG = 35_000;
    private static final String ID = "request-";
    private static final long SEED = 17;
    private static final String[] WORDS =
            ("the and you for this that with your have from are will not can more about has our"
                            + " mail list time new one all get out message please send free just")
                    .split(" ");

    private final int count;
    private final int completions;
    private final int poisonPercent;
    private final List<ProducerRecord<byte[], byte[]>> records = new ArrayList<>();
    private final Map<String, String> failures = new HashMap<>();

    /**
     * @param count number of records, poison included
     * @param completions completions per request
     * @param poisonPercent percentage of records that cannot be answered
     */
    public PromptSet(int count, int completions, int poisonPercent) {
        this.count = count;
        this.completions = completions;
        this.poisonPercent = poisonPercent;
        make();
    }

    public int count() {
        return count;
    }

    public int completions() {
        return completions;
    }

    /** Expected failure codes by {@link #place}. */
    public Map<String, String> failures() {
        return failures;
    }

    /** Kinds of poison that are not among the records. */
    public List<String> absentPoison() {
        List<String> absent = new ArrayList<>();
        for (Poison kind : Poison.values()) {
            if (kind.ordinal() >= failures.size()) {
                absent.add(kind.toString());
            }
        }
        return absent;
    }

    /** Whether a record's prompt is a long one. */
    static boolean isLong(String id) {
        return number(id) % 100 == LONG;
    }

    private static int number(String id) {
        return Integer.parseInt(id.substring(ID.length()));
    }

    /** The name of a record, by its position. */
    static String place(int partition, long offset) {
        return partition + "@" + offset;
    }

    /** Makes the records with their partitions; the same for all runs. */
    private void make() {
        RecordCodec<InferenceRequest> codec =
                RecordCodec.open(RecordType.REQUEST, FormatSettings.JSON, TOPIC);
        Random random = new Random(SEED);
        for (int i = 0; i < count; i++) {
            byte[] key = i % 17 == 16 ? null : ("key-" + i).getBytes(UTF_8);
            byte[] value = codec.encode(request(i, random));
            if (i % 100 >= 100 - poisonPercent) {
                Poison kind = Poison.of(failures.size());
                value = kind.value("poison-" + i);
                failures.put(place(i % PARTITIONS, i / PARTITIONS), kind.code());
            }
            records.add(new ProducerRecord<>(TOPIC, i % PARTITIONS, key, value));
        }
    }

    /**
     * Sends records to the topic, which was empty before the first.
     *
     * @param from number of the first
     * @param to number after the last
     */
    public void send(String bootstrapServers, int from, int to)
            throws IOException, InterruptedException {
        Properties properties = new Properties();
        properties.setProperty("bootstrap.servers", bootstrapServers);
        properties.setProperty("acks", "all");
        ByteArraySerializer bytes = new ByteArraySerializer();
        List<Future<RecordMetadata>> sent = new ArrayList<>();
        try (KafkaProducer<byte[], byte[]> producer =
                new KafkaProducer<>(properties, bytes, bytes)) {
            records.subList(from, to).forEach(record -> sent.add(producer.send(record)));
        }
        for (int i = from; i < to; i++) {
            try {
                RecordMetadata place = sent.get(i - from).get();
                if (place.offset() != i / PARTITIONS) {
                    throw new IOException("Prompt " + i + " came to " + place);
                }
            } catch (ExecutionException e) {
                throw new IOException("The broker takes no prompts: " + e.getCause(), e);
            }
        }
    }

    private InferenceRequest request(int number, Random random) {
        InferenceRequest.Builder request =
                InferenceRequest.newBuilder()
                        .setId(ID + number)
                        .setMaxTokens(NEW_TOKENS)
                        .setIgnoreEos(true)
                        .setN(completions);
        int length = MIN_TOKENS + random.nextInt(MAX_TOKENS - MIN_TOKENS + 1);
        if (number % 2 == 0) {
            List<Integer> ids = new ArrayList<>();
            for (int i = 0; i < length; i++) {
                ids.add(17 + random.nextInt(5000));
            }
            request.setPromptTokenIds(ids);
        } else {
            // A word has one or two tokens.
            StringBuilder text = new StringBuilder();
            for (int i = 0; i < Math.max(MIN_TOKENS, length / 2); i++) {
                text.append(i == 0 ? "" : " ").append(WORDS[random.nextInt(WORDS.length)]);
            }
            request.setPrompt(text.toString());
        }
        if (number % 100 == LONG) {
            int characters = LEAST_LONG + random.nextInt(MOST_LONG - LEAST_LONG);
            char one = LONG_CHARACTERS.charAt(number / 100 % LONG_CHARACTERS.length());
            request.setPromptTokenIds(null).setPrompt(String.valueOf(one).repeat(characters));
        }
        switch (number % 3) {
            case 0 -> request.setTemperature(0.0);
            case 1 -> request.setTemperature(0.8).setTopP(0.9);
            default -> request.setTemperature(1.0).setTopK(97).setRepetitionPenalty(1.1);
        }
        return request.build();
    }
}
