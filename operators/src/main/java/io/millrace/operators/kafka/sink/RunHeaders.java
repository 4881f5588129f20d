package io.millrace.operators.kafka.sink;

import io.millrace.operators.record.Outcome.RunFacts;
import java.nio.charset.StandardCharsets;
import java.util.Set;
import org.apache.kafka.common.header.Headers;

/** Headers of results and failures with facts of the run, as decimal text. */
public final class RunHeaders {

    public static final String ARRIVED_MS = "millrace.arrived_ms";
    public static final String ADMITTED_MS = "millrace.admitted_ms";
    public static final String FIRST_TOKEN_MS = "millrace.first_token_ms";
    public static final String FINISHED_MS = "millrace.finished_ms";
    public static final String CACHED_TOKENS = "millrace.cached_tokens";
    public static final String ATTEMPTS = "millrace.attempts";

    /** The request's timestamp, which may differ from the record's. */
    public static final String REQUEST_TIMESTAMP_MS = "millrace.request_timestamp_ms";

    /** Prefix of headers in a failure that describe the original. */
    public static final String ORIGINAL = "millrace.original.";

    private static final Set<String> ALL =
            Set.of(
                    ARRIVED_MS,
                    ADMITTED_MS,
                    FIRST_TOKEN_MS,
                    FINISHED_MS,
                    CACHED_TOKENS,
                    ATTEMPTS,
                    REQUEST_TIMESTAMP_MS);

    private RunHeaders() {}

    /** Whether a header of this name is ours, so that a request's is not copied. */
    static boolean isOurs(String name) {
        return ALL.contains(name) || name.startsWith(ORIGINAL);
    }

    /** Adds the headers; times of events that did not happen are left out. */
    static void add(Headers headers, RunFacts facts, long requestTimestampMs) {
        addTime(headers, ARRIVED_MS, facts.arrivedMs());
        addTime(headers, ADMITTED_MS, facts.admittedMs());
        addTime(headers, FIRST_TOKEN_MS, facts.firstTokenMs());
        addTime(headers, FINISHED_MS, facts.finishedMs());
        add(headers, CACHED_TOKENS, facts.cachedTokens());
        add(headers, ATTEMPTS, facts.attempts());
        add(headers, REQUEST_TIMESTAMP_MS, requestTimestampMs);
    }

    private static void addTime(Headers headers, String name, long timeMs) {
        if (timeMs > 0) {
            add(headers, name, timeMs);
        }
    }

    private static void add(Headers headers, String name, long value) {
        headers.add(name, Long.toString(value).getBytes(StandardCharsets.US_ASCII));
    }
}
