package io.millrace.operators.corpus.format;

import java.io.Serializable;

/**
 * Which fields of a row are read and written. Of CSV they are columns by their name in the header.
 *
 * @param prompt the prompt, in JSON a path of names with dots between; null where the whole row is
 *     a request of the topics' contract, JSON only
 * @param id what names the request, as {@code prompt}; null to make an id
 * @param result takes the answer
 * @param overwrite whether {@code result} may be there already
 */
public record Columns(String prompt, String id, String result, boolean overwrite)
        implements Serializable {}
