package io.millrace.operators.kafka.sink;

import static java.util.stream.Collectors.joining;

import io.millrace.operators.record.Outcome.RunFacts;
import io.millrace.schemas.Completion;
import io.millrace.schemas.InferenceResult;
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

    // Of an answer that was put into an event, which has no place for them.
    public static final String ID = "millrace.id";
    public static final String MODEL = "millrace.model";
    public static final String MODEL_FINGERPRINT = "millrace.model_fingerprint";
    public static final String FINISH_REASON = "millrace.finish_reason";
    public static final String PROMPT_TOKENS = "millrace.prompt_tokens";
    public static final String COMPLETION_TOKENS = "millrace.completion_tokens";

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
                    REQUEST_TIMESTAMP_MS,
                    ID,
                    MODEL,
                    MODEL_FINGERPRINT,
                    FINISH_REASON,
                    PROMPT_TOKENS,
                    COMPLETION_TOKENS);

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

    /** Adds what an event with its answer does not tell of the result. */
    static void addResult(Headers headers, InferenceResult result) {
        add(headers, ID, result.getId());
        add(headers, MODEL, result.getModel());
        add(headers, MODEL_FINGERPRINT, result.getModelFingerprint());
        add(
                headers,
                FINISH_REASON,
                result.getCompletions().stream()
                        .map(Completion::getFinishReason)
                        .collect(joining(",")));
        add(headers, PROMPT_TOKENS, result.getUsage().getPromptTokens());
        add(headers, COMPLETION_TOKENS, result.getUsage().getCompletionTokens());
    }

    private static void addTime(Headers headers, String name, long timeMs) {
        if (timeMs > 0) {
            add(headers, name, timeMs);
        }
    }

    private static void add(Headers headers, String name, long value) {
        add(headers, name, Long.toString(value));
    }

    private static void add(Headers headers, String name, String value) {
        headers.add(name, value.getBytes(StandardCharsets.UTF_8));
    }
}
