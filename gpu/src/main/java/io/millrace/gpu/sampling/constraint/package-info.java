/** Compiles constraints of requests to grammars, once each, and tracks completions in them. */
package io.millrace.gpu.sampling.constraint;
