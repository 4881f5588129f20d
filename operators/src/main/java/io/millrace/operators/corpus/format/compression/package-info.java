/** Files that are compressed as a whole: gzip, xz, zstd. */
package io.millrace.operators.corpus.format.compression;
