package io.millrace.operators.tool;

/**
 * A call as an answer has it.
 *
 * @param name the function's
 * @param arguments a JSON object, as it was written
 */
record RawCall(String name, String arguments) {}
