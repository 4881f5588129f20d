/** Chooses reader, form and writer by a file's format. */
package io.millrace.operators.corpus.file;
