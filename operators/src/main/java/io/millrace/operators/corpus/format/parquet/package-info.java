/**
 * Parquet files without Hadoop: footers and pages are read and written here, levels and encodings
 * by the Parquet library.
 */
package io.millrace.operators.corpus.format.parquet;
