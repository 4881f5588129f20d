package io.millrace.operators.event;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.millrace.schemas.FailureCode;
import io.millrace.schemas.codec.json.JsonSplice;
import io.millrace.schemas.codec.record.CodecException;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * The JSON objects that tools put around an event, and how the event with its answer is put into a
 * new one.
 *
 * <p>Sources: CloudEvents 1.0.2, JSON event format; Debezium's event value; Kafka Connect's
 * JsonConverter.
 */
enum Envelope {
    /** In structured mode: the event is {@code data}. */
    CLOUDEVENTS(List.of("data")),
    /** Without Connect's schema: the event is the row {@code after} the change. */
    DEBEZIUM(List.of("after")),
    /** The event is the {@code payload} beside its schema. */
    CONNECT(List.of("payload"));

    /** What a new CloudEvent cannot keep: it says something of the other one's data or place. */
    private static final List<String> NOT_KEPT =
            List.of("dataschema", "sequence", "sequencetype", "causationid");

    private static final String SCHEMA = "schema";
    private static final String FIELDS = "fields";

    private final List<String> path;

    Envelope(List<String> path) {
        this.path = path;
    }

    /**
     * Parses the name of an option; null is null.
     *
     * @throws IllegalArgumentException it is none
     */
    static Envelope parse(String name) {
        for (Envelope each : values()) {
            if (each.name().toLowerCase(Locale.ROOT).equals(name)) {
                return each;
            }
        }
        if (name == null) {
            return null;
        }
        throw new IllegalArgumentException(
                "\"" + name + "\" is none of cloudevents, debezium and connect");
    }

    /** Names of the fields that lead to the event. */
    List<String> path() {
        return path;
    }

    /**
     * The event in an envelope; null where the envelope has none and passes as it is, such as that
     * of a row that was deleted.
     *
     * @throws CodecException it is no such envelope
     */
    @SuppressWarnings("unchecked") // The maps of a JSON tree.
    Map<String, Object> open(Map<String, Object> envelope) throws CodecException {
        String missing =
                switch (this) {
                    case CLOUDEVENTS -> missing(envelope, "specversion", "id", "source", "type");
                    case DEBEZIUM -> missing(envelope, "op");
                    case CONNECT -> missing(envelope, SCHEMA, "payload");
                };
        if (missing != null) {
            throw refused(
                    this == DEBEZIUM && envelope.containsKey("payload")
                            ? "it is Debezium's event within Connect's: set"
                                    + " value.converter.schemas.enable=false in the connector"
                            : "it has no field " + missing);
        }
        Object event = envelope.get(path.get(0));
        if (event == null && this == DEBEZIUM) {
            return null;
        }
        if (!(event instanceof Map<?, ?>)) {
            throw refused("its " + path.get(0) + " is " + Kinds.of(event) + ", not an object");
        }
        return (Map<String, Object>) event;
    }

    private static String missing(Map<String, Object> envelope, String... names) {
        for (String name : names) {
            if (!envelope.containsKey(name)) {
                return name;
            }
        }
        return null;
    }

    private CodecException refused(String why) {
        return new CodecException(
                FailureCode.UNREADABLE,
                "no envelope of --unwrap %s: %s".formatted(name().toLowerCase(Locale.ROOT), why),
                null);
    }

    /**
     * Refuses an answer that the envelope's schema has no place for.
     *
     * @param result names of the fields that lead to the answer in the event
     */
    void checkResult(Map<String, Object> envelope, List<String> result) throws CodecException {
        if (this != CONNECT || envelope.get(SCHEMA) == null) {
            return;
        }
        boolean struct =
                envelope.get(SCHEMA) instanceof Map<?, ?> schema
                        && "struct".equals(schema.get("type"))
                        && schema.get(FIELDS) instanceof List<?>;
        boolean there =
                envelope.get(path.get(0)) instanceof Map<?, ?> event
                        && event.containsKey(result.get(0));
        if (!struct || result.size() > 1 || there) {
            throw new CodecException(
                    FailureCode.INVALID_PARAMETER,
                    "Connect's schema has no place for field %s: %s"
                            .formatted(
                                    String.join(".", result),
                                    struct
                                            ? "give --result-field the name of a new top field"
                                            : "it is no struct with fields"),
                    null);
        }
    }

    /**
     * The new envelope.
     *
     * @param answered the envelope with the answer in its event
     * @param envelope its fields before
     * @param id of a new CloudEvent
     * @param source of a new CloudEvent
     * @param answerType Connect's type of the answer's field, as JSON
     */
    byte[] close(
            byte[] answered,
            Map<String, Object> envelope,
            String id,
            String source,
            String answerType) {
        if (this == CONNECT && envelope.get(SCHEMA) != null) {
            return JsonSplice.append(answered, List.of(SCHEMA, FIELDS), answerType.getBytes(UTF_8));
        }
        if (this != CLOUDEVENTS) {
            return answered;
        }
        byte[] event = answered;
        for (String name : NOT_KEPT) {
            event = JsonSplice.remove(event, name);
        }
        event = put(event, "id", id);
        event = put(event, "source", source);
        event = put(event, "type", "io.millrace.result");
        return put(event, "causationid", String.valueOf(envelope.get("id")));
    }

    private static byte[] put(byte[] event, String name, String value) {
        return JsonSplice.put(event, List.of(name), JsonSplice.quoted(value));
    }
}
