/** Reads input topics so that nothing of them is lost without a word. */
package io.millrace.operators.kafka.input;
