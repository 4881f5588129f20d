package io.millrace.operators.options;

import java.io.Serializable;
import java.util.Objects;

/**
 * The treatment of half-answered requests when state is restored.
 *
 * @param resume under the model that began them
 * @param onModelChange under another model, tokenizer or kernels
 */
public record ResumePolicy(Resume resume, OnModelChange onModelChange) implements Serializable {

    /** With the same model: both give the same answers. */
    public enum Resume {
        /** After the last token that was saved. */
        CONTINUE,
        /** From the first token. */
        RESTART
    }

    /** With another model: each gives other answers. */
    public enum OnModelChange {
        /** The job does not start. */
        FAIL,
        /** The new model answers from the first token. */
        RESTART,
        /** The new model continues after the tokens of the old one; the result names both. */
        CONTINUE
    }

    public ResumePolicy {
        Objects.requireNonNull(resume, "resume");
        Objects.requireNonNull(onModelChange, "on model change");
    }
}
