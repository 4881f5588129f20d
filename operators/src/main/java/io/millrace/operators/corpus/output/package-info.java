/** Answers on their way into files: staged as they come, put together once a file has all. */
package io.millrace.operators.corpus.output;
