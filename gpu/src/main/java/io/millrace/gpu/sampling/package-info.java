/** How the next token of a row is sampled, and the arithmetic of it that all devices share. */
package io.millrace.gpu.sampling;
