package io.millrace.operators.corpus.format;

import java.io.Serializable;

/**
 * The fields of a row that are read and written: a column name in CSV, a path of names joined by
 * dots in JSON and Parquet.
 *
 * @param prompt field of the prompt; null if the whole row is a request in the topics' schema (JSON
 *     only)
 * @param id field of the request's id; null to generate ids
 * @param result name of the field that gets the answer
 * @param overwrite whether the answer may replace a value of {@code result}
 * @param createdSeconds creation time of answers in OpenAI's batch format, seconds since 1970
 */
public record Columns(
        String prompt, String id, String result, boolean overwrite, long createdSeconds)
        implements Serializable {
    public Columns(String prompt, String id, String result, boolean overwrite) {
        this(prompt, id, result, overwrite, 0);
    }
}
