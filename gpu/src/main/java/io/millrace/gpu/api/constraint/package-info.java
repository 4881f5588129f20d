/** Constraints on the completions of a request, and their command-line options. */
package io.millrace.gpu.api.constraint;
