package io.millrace.gpu.api;

import java.util.Locale;

/** Why a completion ended. */
public enum FinishReason {
    /** An end-of-text token, a stop token or a stop string. */
    STOP,
    /** The token limit or the model's context was reached. */
    LENGTH;

    /** The name in results: {@code stop} or {@code length}. */
    public String wireName() {
        return name().toLowerCase(Locale.ROOT);
    }
}
