/** Constraints of requests as grammars, compiled once, and where each completion stands in its. */
package io.millrace.gpu.sampling.constraint;
