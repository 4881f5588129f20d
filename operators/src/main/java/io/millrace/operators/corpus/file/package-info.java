/** Which reader, form and writer a file of rows has. */
package io.millrace.operators.corpus.file;
