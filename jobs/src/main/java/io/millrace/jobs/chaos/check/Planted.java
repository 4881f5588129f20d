package io.millrace.jobs.chaos.check;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import java.util.Random;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * The answers of the undisturbed run with three faults at random positions: one answer is lost, one
 * is duplicated, and one has a flipped bit. The checker must find exactly these.
 */
public final class Planted {
    /** Minimum answers, for three faults. */
    public static final int LEAST = 3;

    /**
     * Text before the flipped bit: in a result a digit of the first token, in a failure the first
     * letter of its message.
     */
    private static final List<String> BEFORE_THE_BIT = List.of("\"token_ids\":[", "\"message\":\"");

    private final List<Committed> records;
    private final String lost;
    private final String twice;
    private final String flipped;

    /**
     * @param undisturbed at least {@link #LEAST} answers
     */
    public Planted(List<Committed> undisturbed, long seed) {
        if (undisturbed.size() < LEAST) {
            throw new IllegalArgumentException(
                    undisturbed.size() + " answers are too few to plant faults in: " + LEAST);
        }
        int[] places = new Random(seed).ints(0, undisturbed.size()).distinct().limit(3).toArray();
        records = new ArrayList<>(undisturbed);
        lost = undisturbed.get(places[0]).name();
        twice = undisturbed.get(places[1]).name();
        flipped = undisturbed.get(places[2]).name();
        records.set(places[2], flipped(undisturbed.get(places[2])));
        records.add(undisturbed.get(places[1]));
        records.remove(places[0]);
    }

    private static Committed flipped(Committed one) {
        byte[] value = one.value().clone();
        value[place(new String(value, UTF_8))] ^= 1;
        return new Committed(
                one.name(),
                one.result(),
                one.failure(),
                one.key(),
                value,
                one.arrivedMs(),
                one.finishedMs(),
                one.attempts());
    }

    /** Index of a byte that stays valid with its lowest bit flipped. */
    private static int place(String value) {
        for (String before : BEFORE_THE_BIT) {
            int at = value.indexOf(before);
            if (at >= 0) {
                at += before.length();
                // The number's last digit: its first could become a leading zero.
                while (Character.isDigit(value.charAt(at))
                        && Character.isDigit(value.charAt(at + 1))) {
                    at++;
                }
                return value.substring(0, at).getBytes(UTF_8).length;
            }
        }
        throw new IllegalArgumentException("Neither a result nor a failure: " + value);
    }

    /** Sends them to empty topics as a job does. */
    public void send(String bootstrapServers, String output, String deadLetters)
            throws InterruptedException {
        Properties properties = new Properties();
        properties.setProperty("bootstrap.servers", bootstrapServers);
        properties.setProperty("linger.ms", "5");
        ByteArraySerializer bytes = new ByteArraySerializer();
        try (KafkaProducer<byte[], byte[]> producer =
                new KafkaProducer<>(properties, bytes, bytes)) {
            List<Future<?>> sent = new ArrayList<>();
            for (Committed each : records) {
                String topic = each.failure() == null ? output : deadLetters;
                sent.add(producer.send(new ProducerRecord<>(topic, each.key(), each.value())));
            }
            for (Future<?> each : sent) {
                each.get();
            }
        } catch (ExecutionException e) {
            throw new IllegalStateException("The broker takes no answers: " + e.getCause(), e);
        }
    }

    /**
     * Requires that the checker found exactly the planted faults.
     *
     * @throws IllegalStateException the verdict differs
     */
    public void require(Checker.Verdict verdict) {
        boolean counts =
                verdict.lost() == 1
                        && verdict.twice() == 1
                        && verdict.different() == 1
                        && verdict.unknown() == 0;
        boolean names =
                named(verdict, "lost: " + lost)
                        && named(verdict, "twice: " + twice)
                        && named(verdict, "different: " + flipped + ":");
        if (!counts || !names) {
            throw new IllegalStateException(
                    "The checker is blind. Planted: %s. It saw: %s".formatted(this, verdict));
        }
    }

    private static boolean named(Checker.Verdict verdict, String beginning) {
        return verdict.examples().stream().anyMatch(each -> each.startsWith(beginning));
    }

    /** The records with their faults. */
    List<Committed> records() {
        return records;
    }

    /** Display text for the report. */
    @Override
    public String toString() {
        return "%s lost, %s twice, one bit of %s flipped".formatted(lost, twice, flipped);
    }
}
