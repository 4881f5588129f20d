/** The seam between the engine and what computes a step. */
package io.millrace.gpu.backend;
