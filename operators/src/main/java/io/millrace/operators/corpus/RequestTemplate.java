package io.millrace.operators.corpus;

import io.millrace.operators.corpus.format.Columns;
import java.io.Serializable;

/**
 * How a row becomes a request.
 *
 * @param columns the fields of the row that are read and written
 * @param chat whether the prompt is a user message that the model's chat template renders
 * @param system system message before it, or null
 * @param sampling defaults of fields that the row leaves out, as a request in JSON
 * @param clockMs current time for the chat template, milliseconds since 1970
 */
public record RequestTemplate(
        Columns columns, boolean chat, String system, byte[] sampling, long clockMs)
        implements Serializable {}
