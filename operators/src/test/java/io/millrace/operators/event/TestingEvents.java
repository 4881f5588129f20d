package io.millrace.operators.event;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.millrace.operators.record.Inbound;
import io.millrace.operators.record.Origin;
import io.millrace.operators.record.Position;
import io.millrace.schemas.EventForm;
import io.millrace.schemas.InferenceRequest;
import io.millrace.schemas.codec.record.CodecException;
import java.util.List;
import java.util.Map;

/** Events for tests. */
public final class TestingEvents {
    private TestingEvents() {}

    /** A form whose prompt is the field text, and whose answers have so many tokens. */
    public static EventForm.Builder form(int tokens) {
        return EventForm.newBuilder()
                .setPromptField("text")
                .setResultField("answer")
                .setParameterFields(Map.of())
                .setDefaults(
                        InferenceRequest.newBuilder()
                                .setId("event")
                                .setMaxTokens(tokens)
                                .setIgnoreEos(true)
                                .build());
    }

    /** A record at an offset. */
    public static Origin origin(long offset, String key, String value) {
        return new Origin(
                "events",
                new Position.InPartition(3, offset),
                1_700_000_000_000L + offset,
                key == null ? null : key.getBytes(UTF_8),
                List.of(new Origin.Header("trace", "t".getBytes(UTF_8))),
                value.getBytes(UTF_8));
    }

    /** An event as the source makes it. */
    public static Inbound.Request request(EventReading reading, Origin origin)
            throws CodecException {
        return new Inbound.Request(origin, reading.read(origin.asEvent()), null, reading);
    }
}
