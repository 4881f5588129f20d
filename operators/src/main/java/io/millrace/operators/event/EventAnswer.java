package io.millrace.operators.event;

/**
 * How the answer of an event is written.
 *
 * @param reading how the event was read
 * @param json whether the answer is JSON, and is put in as such
 */
public record EventAnswer(EventReading reading, boolean json) {}
