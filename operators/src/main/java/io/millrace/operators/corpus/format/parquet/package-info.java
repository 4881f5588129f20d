/**
 * Parquet files: footers and pages are read and written here, levels and encodings by the Parquet
 * library's columns, without Hadoop.
 */
package io.millrace.operators.corpus.format.parquet;
