/**
 * What all files of rows have: how they are named, read a row at a time, understood and written.
 */
package io.millrace.operators.corpus.format;
