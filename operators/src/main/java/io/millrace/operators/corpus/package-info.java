/** A source of requests that reads files of rows, one split per file. */
package io.millrace.operators.corpus;
