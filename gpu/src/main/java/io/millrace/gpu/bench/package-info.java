/** Timers of kernels and of the memory. */
package io.millrace.gpu.bench;
