package io.millrace.gpu.speculation;

/**
 * How the tokens of a completion are guessed.
 *
 * @param tokens maximum tokens of a draft
 * @param ngram maximum number of last tokens whose earlier occurrence is looked up
 */
public record Drafting(int tokens, int ngram) {}
