/** Prompts that templates of the user make of records. */
package io.millrace.gpu.prompt;
