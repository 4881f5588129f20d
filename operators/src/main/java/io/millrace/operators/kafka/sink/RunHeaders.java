package io.millrace.operators.kafka.sink;

import io.millrace.operators.record.Outcome.RunFacts;
import java.nio.charset.StandardCharsets;
import java.util.Set;
import org.apache.kafka.common.header.Headers;

/** Headers of a result that tell about the run that made it, as decimal text. */
public final class RunHeaders {

    public static final String ARRIVED_MS = "millrace.arrived_ms";
    public static final String ADMITTED_MS = "millrace.admitted_ms";
    public static final String FIRST_TOKEN_MS = "millrace.first_token_ms";
    public static final String FINISHED_MS = "millrace.finished_ms";
    public static final String CACHED_TOKENS = "millrace.cached_tokens";
    public static final String ATTEMPTS = "millrace.attempts";

    /** The request's timestamp, where the topic does not take so old or so new a one. */
    public static final String REQUEST_TIMESTAMP_MS = "millrace.request_timestamp_ms";

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

    /** Whether a request's header of this name gives way to ours. */
    static boolean isOurs(String name) {
        return ALL.contains(name);
    }

    static void add(Headers headers, RunFacts facts) {
        add(headers, ARRIVED_MS, facts.arrivedMs());
        add(headers, ADMITTED_MS, facts.admittedMs());
        add(headers, FIRST_TOKEN_MS, facts.firstTokenMs());
        add(headers, FINISHED_MS, facts.finishedMs());
        add(headers, CACHED_TOKENS, facts.cachedTokens());
        add(headers, ATTEMPTS, facts.attempts());
    }

    static void add(Headers headers, String name, long value) {
        headers.add(name, Long.toString(value).getBytes(StandardCharsets.US_ASCII));
    }
}
