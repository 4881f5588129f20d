package io.millrace.operators.kafka.sink;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.millrace.operators.kafka.admin.KafkaSettings;
import io.millrace.operators.record.Origin;
import io.millrace.operators.record.Outcome.RunFacts;
import io.millrace.operators.record.Position;
import io.millrace.schemas.codec.record.SchemaRef;
import io.millrace.schemas.codec.record.WireFormat;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;

/**
 * Decides which headers of a request are copied to its result or failure: not those that describe
 * the encoding of the request's value, and not those that identify the request as an event. {@code
 * docs/formats.md} has the table.
 *
 * <p>Sources: CloudEvents 1.0.2, Kafka protocol binding, 3.2 (binary mode); Confluent's {@code
 * __value_schema_id}; Spring Kafka's {@code AbstractJavaTypeMapper}.
 */
final class HeaderRules {

    /** Headers that name the encoding or the class of a value, in any case. */
    private static final Set<String> ENCODINGS = new TreeSet<>(String.CASE_INSENSITIVE_ORDER);

    static {
        ENCODINGS.addAll(
                List.of(
                        SchemaRef.HEADER,
                        "content-type",
                        "contentType",
                        "content-encoding",
                        "__TypeId__",
                        "__ContentTypeId__",
                        "__KeyTypeId__"));
    }

    /** Required attributes of a CloudEvent. */
    private static final Set<String> IDENTITY =
            Set.of("ce_specversion", "ce_id", "ce_source", "ce_type");

    /** Attributes that are set again, or that describe the request's data. */
    private static final Set<String> OF_THE_EVENT =
            Set.of(
                    "ce_specversion",
                    "ce_id",
                    "ce_source",
                    "ce_type",
                    "ce_time",
                    "ce_causationid",
                    "ce_dataschema",
                    "ce_datacontenttype",
                    "ce_dataref",
                    "ce_sequence",
                    "ce_sequencetype");

    private static final String JSON_TYPE = "application/json";

    private final Pattern dropped;
    private final String source;
    private final boolean json;

    HeaderRules(KafkaSettings settings) {
        this.dropped =
                settings.dropHeaders() == null ? null : Pattern.compile(settings.dropHeaders());
        this.source = "/millrace/" + settings.applicationId();
        this.json = settings.format().format() == WireFormat.JSON;
    }

    /** All headers that are not copied. */
    static Set<String> named() {
        Set<String> names = new TreeSet<>(ENCODINGS);
        names.addAll(OF_THE_EVENT);
        return names;
    }

    /** Headers of a result, without those of {@link RunHeaders}. */
    List<Origin.Header> ofResult(Origin origin, RunFacts facts) {
        return headers(origin, facts, false);
    }

    /**
     * Headers of a failure, without those of {@link RunHeaders}. A failure contains the request's
     * value, so headers about its encoding are kept under another name.
     */
    List<Origin.Header> ofFailure(Origin origin, RunFacts facts) {
        return headers(origin, facts, true);
    }

    private List<Origin.Header> headers(Origin origin, RunFacts facts, boolean failure) {
        List<Origin.Header> kept = new ArrayList<>(origin.headers().size());
        boolean event = false;
        boolean typed = false;
        byte[] cause = null;
        for (Origin.Header header : origin.headers()) {
            String name = header.name();
            if (RunHeaders.isOurs(name) || (dropped != null && dropped.matcher(name).matches())) {
                continue;
            }
            event |= IDENTITY.contains(name);
            typed |= name.equalsIgnoreCase("content-type");
            cause = name.equals("ce_id") ? header.value() : cause;
            if (ENCODINGS.contains(name)) {
                if (failure) {
                    kept.add(new Origin.Header(RunHeaders.ORIGINAL + name, header.value()));
                }
            } else if (!OF_THE_EVENT.contains(name)) {
                kept.add(header);
            }
        }
        if (event) {
            add(kept, "ce_specversion", "1.0");
            // A record has one outcome, and a replay makes the same event.
            add(kept, "ce_id", origin.source() + "/" + path(origin.position()));
            add(kept, "ce_source", source);
            add(kept, "ce_type", failure ? "io.millrace.failure" : "io.millrace.result");
            if (facts.finishedMs() > 0) {
                add(kept, "ce_time", Instant.ofEpochMilli(facts.finishedMs()).toString());
            }
            if (cause != null) {
                kept.add(new Origin.Header("ce_causationid", cause));
            }
        }
        if (typed && json) {
            add(kept, "content-type", JSON_TYPE);
        }
        return kept;
    }

    private static String path(Position at) {
        return at instanceof Position.Made made ? made.id() : at.partition() + "/" + at.offset();
    }

    private static void add(List<Origin.Header> headers, String name, String value) {
        headers.add(new Origin.Header(name, value.getBytes(UTF_8)));
    }
}
