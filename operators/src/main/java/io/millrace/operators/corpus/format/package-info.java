/** The interfaces of all file formats: naming, reading row by row, parsing and writing. */
package io.millrace.operators.corpus.format;
