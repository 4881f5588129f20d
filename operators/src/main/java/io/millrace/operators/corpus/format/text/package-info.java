/** Rows that are lines of text: JSON objects and CSV records. */
package io.millrace.operators.corpus.format.text;
