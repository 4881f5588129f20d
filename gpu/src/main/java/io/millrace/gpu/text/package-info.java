/** Tokenizer, incremental detokenizer, stop strings. */
package io.millrace.gpu.text;
