package io.millrace.schemas;

import java.util.Locale;

/** Why a record was not answered. Stable names: they are part of the dead-letter contract. */
public enum FailureCode {
    /** The bytes are not a request in the job's format. */
    UNREADABLE,
    /** The bytes name a writer schema that this release does not have. */
    UNKNOWN_SCHEMA,
    /** A JSON request has a field that the contract does not have. */
    UNKNOWN_FIELD,
    /** The id is absent or empty. */
    MISSING_ID,
    /** No prompt, or one without a single token. */
    EMPTY_PROMPT,
    /** The job's template cannot render the event, or refuses it. */
    TEMPLATE_FAILED,
    /** More than one of prompt, messages and prompt_token_ids. */
    AMBIGUOUS_PROMPT,
    /** Prompt and at least one new token do not fit the model's context or the KV cache. */
    PROMPT_TOO_LONG,
    /** A field has another type than its own, or is outside its range. */
    INVALID_PARAMETER,
    /** The request names a model that this job does not run. */
    UNKNOWN_MODEL,
    /** The request asks for something that this release cannot do yet. */
    UNSUPPORTED,
    /** The answer is larger than the output topic or the producer takes. */
    RESULT_TOO_LARGE,
    /** The request's deadline passed before it was answered. */
    DEADLINE_EXCEEDED,
    /** The engine failed on this request alone. */
    GENERATION_FAILED;

    /** The name as it stands in {@link InferenceFailure}, such as {@code prompt_too_long}. */
    public String wireName() {
        return name().toLowerCase(Locale.ROOT);
    }
}
