/** Tools of requests: what models are told of them, and what their answers call. */
package io.millrace.operators.tool;
