/** Files of rows: how a row is read, and written again with its answer. No Flink. */
package io.millrace.operators.corpus.format;
