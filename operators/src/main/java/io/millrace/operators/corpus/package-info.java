/** Files of rows as a source of requests, a split a file. */
package io.millrace.operators.corpus;
