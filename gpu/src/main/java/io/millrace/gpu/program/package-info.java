/** Inputs and outputs of one forward pass. */
package io.millrace.gpu.program;
