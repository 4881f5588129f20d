package io.millrace.operators.event;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.ObjectReader;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.millrace.schemas.EventForm;
import io.millrace.schemas.FailureCode;
import io.millrace.schemas.codec.json.JsonSplice;
import io.millrace.schemas.codec.json.JsonTree;
import io.millrace.schemas.codec.record.CodecException;
import io.millrace.schemas.codec.record.SchemaRef;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.avro.Schema;

/** Events in JSON, which keep every byte but those of the answer. */
final class JsonValues implements EventValues {
    private static final ObjectReader JSON =
            JsonMapper.builder()
                    .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
                    .build()
                    .reader();

    private final EventForm form;

    /** Where the answer goes; null where it replaces the event. */
    private final FieldPath result;

    /** Null where the value is the event. */
    private final Envelope envelope;

    /**
     * @throws IllegalArgumentException the path of the answer is malformed
     */
    JsonValues(EventForm form) {
        this.form = form;
        this.result =
                form.getResultField() == null
                        ? null
                        : FieldPath.parse("--result-field", form.getResultField());
        this.envelope = Envelope.parse(form.getUnwrap());
    }

    private static Map<String, Object> tree(EventRecord record) throws CodecException {
        return JsonTree.read(record.value(), record.headers().get(SchemaRef.HEADER));
    }

    @Override
    public Map<String, Object> read(EventRecord record) throws CodecException {
        Map<String, Object> value = tree(record);
        if (envelope == null) {
            return value;
        }
        Map<String, Object> event = envelope.open(value);
        if (event == null) {
            throw new CodecException(
                    FailureCode.EMPTY_PROMPT, "the envelope has no event: its row is gone", null);
        }
        if (result != null) {
            envelope.checkResult(value, result.names());
        }
        return event;
    }

    @Override
    public boolean passes(EventRecord record) {
        if (envelope != Envelope.DEBEZIUM) {
            return false;
        }
        try {
            return envelope.open(tree(record)) == null;
        } catch (CodecException e) {
            // A failure that is told when it is read.
            return false;
        }
    }

    @Override
    public byte[] answered(EventRecord record, List<String> answers, boolean json)
            throws CodecException {
        // Connect's types have no JSON.
        boolean typed = envelope == Envelope.CONNECT && tree(record).get("schema") != null;
        byte[] value =
                answers.size() == 1
                        ? value(answers.get(0), json, typed)
                        : array(answers, json, typed);
        if (envelope == null) {
            return result == null ? value : JsonSplice.put(record.value(), result.names(), value);
        }
        List<String> path = new ArrayList<>(envelope.path());
        path.addAll(result == null ? List.of() : result.names());
        return envelope.close(
                JsonSplice.put(record.value(), path, value),
                envelope == Envelope.DEBEZIUM ? Map.of() : tree(record),
                record.place(),
                form.getSource(),
                typed ? connectField(answers.size()) : null);
    }

    /** How Connect's schema describes the answer. */
    private String connectField(int answers) {
        String name = new String(JsonSplice.quoted(result.toString()), StandardCharsets.UTF_8);
        String text = "\"type\":\"string\",\"optional\":false";
        return answers == 1
                ? "{" + text + ",\"field\":" + name + "}"
                : "{\"type\":\"array\",\"items\":{"
                        + text
                        + "},\"optional\":false,\"field\":"
                        + name
                        + "}";
    }

    private static byte[] array(List<String> answers, boolean json, boolean typed)
            throws CodecException {
        ByteArrayOutputStream all = new ByteArrayOutputStream();
        char before = '[';
        for (String answer : answers) {
            all.write(before);
            all.writeBytes(value(answer, json, typed));
            before = ',';
        }
        all.write(']');
        return all.toByteArray();
    }

    /**
     * @param typed whether the value has to be a string whatever it is
     */
    private static byte[] value(String answer, boolean json, boolean typed) throws CodecException {
        if (json) {
            requireJson(answer);
        }
        return json && !typed
                ? answer.strip().getBytes(StandardCharsets.UTF_8)
                : JsonSplice.quoted(answer);
    }

    /** Refuses an answer that is no JSON although that was asked for. */
    static void requireJson(String answer) throws CodecException {
        try {
            JSON.readTree(answer);
        } catch (JsonProcessingException e) {
            throw new CodecException(
                    FailureCode.GENERATION_FAILED,
                    "the answer is not the JSON that was asked for: " + e.getOriginalMessage(),
                    null,
                    e);
        }
    }

    @Override
    public Schema writer() {
        return null;
    }

    @Override
    public Long fingerprint() {
        return null;
    }

    @Override
    public Schema output() {
        return null;
    }

    @Override
    public int start() {
        return 0;
    }
}
