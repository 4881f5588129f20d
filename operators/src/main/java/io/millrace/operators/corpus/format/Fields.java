package io.millrace.operators.corpus.format;

/**
 * What a request is made of.
 *
 * @param prompt null where {@code request} is set
 * @param id null where the row has none, or is not asked for one
 * @param request the row as JSON of the topics' contract, with an id in any case; else null
 */
public record Fields(String prompt, String id, byte[] request) {}
