package io.millrace.operators.kafka.admin;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.stream.Collectors;

/**
 * A Kafka client setting that the job's guarantees depend on, and the rule for a user's value.
 *
 * @param key Kafka's name
 * @param rule treatment of a user's value
 * @param bound the only, least or greatest accepted value; null if there is none
 * @param reason the reason, and the alternative
 */
public record OwnedSetting(String key, Rule rule, String bound, String reason) {

    /** Treatment of a user's value. */
    public enum Rule {
        /** Refused: the job sets it itself. */
        MADE,
        /** Refused unless it is the job's own value. */
        FIXED,
        /** Refused below the bound. */
        AT_LEAST,
        /** Refused above the bound. */
        AT_MOST,
        /** Accepted, but without effect, which the start reports. */
        UNUSED
    }

    private static final String ASSIGNED = "Flink assigns partitions, the group only keeps offsets";

    private static final String LEAST_BYTES = Integer.toString(TopicLimits.LEAST_BYTES);

    /** The table of all settings; a test compares {@code docs/running.md} with it. */
    private static final List<OwnedSetting> ALL =
            List.of(
                    made("bootstrap.servers", "use --bootstrap-servers"),
                    made("bootstrap.controllers", "use --bootstrap-servers"),
                    made("group.id", "use --group-id"),
                    made("client.id", "use --application-id, which client ids begin with"),
                    made("client.id.prefix", "use --application-id, which client ids begin with"),
                    made("auto.offset.reset", "use --start"),
                    fixed("isolation.level", "read_committed", "only committed requests count"),
                    fixed("enable.auto.commit", "false", "offsets follow checkpoints"),
                    fixed("commit.offsets.on.checkpoint", "true", "a run without state asks them"),
                    made("key.deserializer", "leave it away, keys are copied as bytes"),
                    made("value.deserializer", "use --format"),
                    made("group.instance.id", "leave it away, " + ASSIGNED),
                    unused("auto.commit.interval.ms", "offsets follow checkpoints"),
                    unused("partition.assignment.strategy", ASSIGNED),
                    unused("group.remote.assignor", ASSIGNED),
                    unused("session.timeout.ms", ASSIGNED),
                    unused("heartbeat.interval.ms", ASSIGNED),
                    unused("max.poll.interval.ms", ASSIGNED),
                    fixed("acks", "all", "a record that one broker alone has is lost with it"),
                    fixed("enable.idempotence", "true", "a retry would write an answer twice"),
                    atLeast("retries", "1", "a broker that moves would fail the job"),
                    atMost(
                            "max.in.flight.requests.per.connection",
                            "5",
                            "a broker tells retries from new records for so many only"),
                    atLeast(
                            "delivery.timeout.ms",
                            "linger.ms + request.timeout.ms",
                            "a request would have no time for its answer"),
                    made("transactional.id", "use --application-id"),
                    atLeast(
                            "transaction.timeout.ms",
                            "2 checkpoint intervals",
                            "a transaction ends with its checkpoint"),
                    fixed(
                            "transaction.two.phase.commit.enable",
                            "false",
                            "transactions of a job that never comes back must end"),
                    atLeast("max.request.size", LEAST_BYTES, "a bare failure record must fit"),
                    atLeast("buffer.memory", LEAST_BYTES, "a bare failure record must fit"),
                    made("key.serializer", "leave it away, keys are copied as bytes"),
                    made("value.serializer", "use --format"));

    private static final Map<String, OwnedSetting> BY_KEY =
            ALL.stream().collect(Collectors.toMap(OwnedSetting::key, Function.identity()));

    private static OwnedSetting made(String key, String instead) {
        return new OwnedSetting(key, Rule.MADE, null, instead);
    }

    private static OwnedSetting fixed(String key, String value, String reason) {
        return new OwnedSetting(key, Rule.FIXED, value, reason);
    }

    private static OwnedSetting atLeast(String key, String least, String reason) {
        return new OwnedSetting(key, Rule.AT_LEAST, least, reason);
    }

    private static OwnedSetting atMost(String key, String most, String reason) {
        return new OwnedSetting(key, Rule.AT_MOST, most, reason);
    }

    private static OwnedSetting unused(String key, String reason) {
        return new OwnedSetting(key, Rule.UNUSED, null, reason);
    }

    /** All settings: the consumer's, then the producer's. */
    public static List<OwnedSetting> all() {
        return ALL;
    }

    /**
     * Refuses values that contradict the job. Bounds that are no numbers depend on other settings,
     * and are checked with these.
     *
     * @throws IllegalArgumentException with the setting, the value and the remedy
     */
    static void check(Map<String, String> client) {
        client.forEach(
                (key, value) -> {
                    OwnedSetting owned = BY_KEY.get(key);
                    if (owned != null) {
                        owned.check(value.strip());
                    }
                });
    }

    /**
     * Checks only the acknowledgements of producers, for other programs that write.
     *
     * @throws IllegalArgumentException with the setting, the value and the remedy
     */
    public static void checkAcks(Map<String, String> client) {
        String acks = client.get("acks");
        if (acks != null) {
            BY_KEY.get("acks").check(acks.strip());
        }
    }

    private void check(String value) {
        switch (rule) {
            case MADE ->
                    throw new IllegalArgumentException(
                            "Kafka setting " + key + " is made by the job: " + reason + ".");
            case FIXED -> {
                // Kafka has two values for it.
                boolean same = key.equals("acks") && value.equals("-1");
                if (!same && !value.equalsIgnoreCase(bound)) {
                    throw refused(value, "");
                }
            }
            case AT_LEAST -> {
                if (isNumber(bound) && number(value) < Long.parseLong(bound)) {
                    throw refused(value, "at least ");
                }
            }
            case AT_MOST -> {
                if (number(value) > Long.parseLong(bound)) {
                    throw refused(value, "at most ");
                }
            }
            case UNUSED -> {
                // No effect: see notes().
            }
        }
    }

    /** The refusal of a value, also for callers with a bound that depends on other settings. */
    IllegalArgumentException refused(String value, String comparison) {
        return new IllegalArgumentException(
                "Kafka setting "
                        + key
                        + " is "
                        + value
                        + ", but "
                        + reason
                        + ": leave it away, or set it to "
                        + comparison
                        + bound
                        + ".");
    }

    private long number(String value) {
        try {
            return Long.parseLong(value);
        } catch (NumberFormatException e) {
            throw new IllegalArgumentException(
                    "Kafka setting " + key + " is " + value + ", not a number.");
        }
    }

    private static boolean isNumber(String text) {
        return Character.isDigit(text.charAt(0)) && text.indexOf(' ') < 0;
    }

    /** The entry of a setting. */
    static OwnedSetting of(String key) {
        return BY_KEY.get(key);
    }

    /** A sentence per user setting that has no effect or is unknown to all clients. */
    static List<String> notes(Map<String, String> client) {
        List<String> notes = new ArrayList<>();
        for (String key : new TreeMap<>(client).keySet()) {
            OwnedSetting owned = BY_KEY.get(key);
            if (owned != null && owned.rule == Rule.UNUSED) {
                notes.add("Kafka setting " + key + " has no effect: " + owned.reason + ".");
            } else if (owned == null && !ClientProperties.isKnown(key)) {
                notes.add(
                        "Kafka setting "
                                + key
                                + " is none that Kafka's clients know: it is passed on to all of"
                                + " them.");
            }
        }
        return notes;
    }
}
