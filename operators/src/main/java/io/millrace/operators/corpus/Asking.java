package io.millrace.operators.corpus;

import io.millrace.operators.corpus.format.Columns;
import java.io.Serializable;

/**
 * How a request is made of a row.
 *
 * @param columns which of its fields
 * @param chat whether a prompt is a user's message, in the model's chat template
 * @param system message before it, or null
 * @param sampling what a request has where the row does not say: the JSON form of a request
 * @param clockMs the chat template's clock, milliseconds since 1970
 */
public record Asking(Columns columns, boolean chat, String system, byte[] sampling, long clockMs)
        implements Serializable {}
