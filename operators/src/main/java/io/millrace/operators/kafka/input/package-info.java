/** Reads input topics without losing records silently. */
package io.millrace.operators.kafka.input;
