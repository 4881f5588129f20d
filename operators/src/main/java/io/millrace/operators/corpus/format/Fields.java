package io.millrace.operators.corpus.format;

/**
 * The fields of a row from which a request is made.
 *
 * @param prompt the prompt; null if {@code request} is set
 * @param id the id; null if the row has none or ids are generated
 * @param request the whole row as a request in JSON, always with an id; null if {@code prompt} is
 *     set
 */
public record Fields(String prompt, String id, byte[] request) {}
