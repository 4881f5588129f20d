/** Text to tokens and back: tokenizer, incremental detokenizing, stop strings. */
package io.millrace.gpu.text;
