/** Guesses the next tokens of a completion from its own text, for a step to verify. */
package io.millrace.gpu.speculation;
