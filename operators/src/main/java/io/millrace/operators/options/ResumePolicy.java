package io.millrace.operators.options;

import java.io.Serializable;
import java.util.Objects;

/**
 * What becomes of half-answered requests when state is restored.
 *
 * @param resume under the model that began them
 * @param onModelChange under another model, tokenizer or kernels
 */
public record ResumePolicy(Resume resume, OnModelChange onModelChange) implements Serializable {

    /** Both give the same answers. */
    public enum Resume {
        /** After the last token that was saved. */
        CONTINUE,
        /** From the first token. */
        RESTART
    }

    /** Each gives other answers. */
    public enum OnModelChange {
        /** The job does not start. */
        FAIL,
        /** The new model answers from the first token. */
        RESTART,
        /** The new model goes on after the tokens of the old one; the result names both. */
        CONTINUE
    }

    public ResumePolicy {
        Objects.requireNonNull(resume, "resume");
        Objects.requireNonNull(onModelChange, "on model change");
    }
}
